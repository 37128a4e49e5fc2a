/** How the URL of a server is read. */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { describeAddress, parseAddress } from './address.ts';

test('a whole URL', () => {
  const address = parseAddress(
    'postgresql://app:p%40ss%2F%25@db.example.org:6432/my%20shop?application_name=cli&connect_timeout=3&options=-c%20a%3Db',
  );
  assert.deepEqual(
    { ...address, tls: undefined },
    {
      host: 'db.example.org',
      port: 6432,
      database: 'my shop',
      user: 'app',
      password: 'p@ss/%',
      sslMode: 'disable',
      tls: undefined,
      sslNegotiation: 'postgres',
      channelBinding: false,
      applicationName: 'cli',
      options: '-c a=b',
      connectTimeoutMs: 3_000,
    },
  );
  assert.equal(describeAddress(address), 'db.example.org:6432, database "my shop", user "app"');
});

test('what is left out is as in libpq', () => {
  const { host, port, database, user, password } = parseAddress('postgres://');
  const me = userInfo().username;
  assert.deepEqual({ host, port, database, user, password }, { host: 'localhost', port: 5432, database: me, user: me, password: '' });
  assert.equal(parseAddress('postgresql://someone@localhost').database, 'someone');
});

// The seeds' URLs were written for Python.
test('the forms of the seeds are understood', () => {
  for (const scheme of ['postgres', 'postgresql', 'postgresql+asyncpg', 'postgresql+psycopg', 'postgresql+psycopg2']) {
    const { host, port, database, user, password } = parseAddress(`${scheme}://u:p@h:1/d`);
    assert.deepEqual([host, port, database, user, password], ['h', 1, 'd', 'u', 'p'], scheme);
  }
});

test('IPv6 and Unix sockets', () => {
  const six = parseAddress('postgresql://u@[::1]:5433/d');
  assert.deepEqual([six.host, six.port, describeAddress(six)], ['::1', 5433, '[::1]:5433, database "d", user "u"']);
  assert.equal(parseAddress('postgresql://u@%2Frun%2Fpostgresql/d').host, '/run/postgresql');
  const byQuery = parseAddress('postgresql:///d?host=/run/postgresql&user=u&password=p&port=7&dbname=e');
  assert.deepEqual([byQuery.host, byQuery.user, byQuery.password, byQuery.port, byQuery.database], ['/run/postgresql', 'u', 'p', 7, 'e']);
});

test('encryption is asked for in the words of libpq', () => {
  const modeOf = (query: string): string => parseAddress(`postgresql://u@h/d${query}`).sslMode;
  assert.equal(modeOf(''), 'disable');
  assert.equal(modeOf('?sslmode=disable'), 'disable');
  assert.equal(modeOf('?sslmode=allow'), 'prefer');
  assert.equal(modeOf('?sslmode=prefer'), 'prefer');
  assert.equal(modeOf('?sslmode=require'), 'require');
  assert.equal(modeOf('?sslmode=no-verify'), 'require');
  assert.equal(modeOf('?sslmode=verify-ca'), 'verify-ca');
  assert.equal(modeOf('?sslmode=verify-full&sslrootcert=system'), 'verify-full');
  assert.equal(modeOf('?ssl=true'), 'verify-full');
  assert.equal(modeOf('?sslnegotiation=direct'), 'verify-full');
  const file = fileURLToPath(import.meta.url);
  const pinned = parseAddress(
    `postgresql://u@h/d?sslmode=require&sslrootcert=${file}&sslcert=${file}&sslkey=${file}&channel_binding=require`,
  );
  assert.deepEqual([pinned.sslMode, pinned.channelBinding], ['verify-ca', true]);
  for (const part of [pinned.tls.ca, pinned.tls.cert, pinned.tls.key]) {
    assert.ok(typeof part === 'string' && part.includes('How the URL of a server is read'));
  }
});

test('what is no URL of a server is refused with a reason, and without the password', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /is not a URL/u],
    ['localhost:5432/app', /begins with localhost:\/\/|is not a URL/u],
    ['mysql://u:hush@h/d', /begins with mysql:\/\//u],
    ['postgresql://u:hush@h:99999/d', /is not a URL/u],
    ['postgresql://u:hush@/d?port=0', /port 0/u],
    ['postgresql://u:hu%sh@h/d', /percent sign in its password/u],
    ['postgresql://u:hush@one,two/d', /several hosts/u],
    ['postgresql://u:hush@h/d?sslmode=sometimes', /sslmode=sometimes/u],
    ['postgresql://u:hush@h/d?sslrootcert=/no/such/file', /sslrootcert/u],
  ];
  for (const [url, reason] of wrong) {
    assert.throws(
      () => parseAddress(url),
      (error: unknown) => {
        assert.ok(isKeelsonError(error, 'CONFIG_INVALID'), url);
        assert.match(error.message, reason);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /hush/u);
        return true;
      },
    );
  }
});
