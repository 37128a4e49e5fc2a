/** Accounts, GLISK and LARP manager in one database: each migrates, serves and goes back without touching the others. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { silentLog } from 'keelson/log';
import { connectPostgres } from 'keelson/postgres';
import { testServer } from 'keelson/testing';

const apps = { accounts: 'accounts', glisk: 'glisk', 'larp-manager': 'larp_manager' } as const;
type App = keyof typeof apps;
const names = Object.keys(apps).map(parseApp);

const SECRET_KEY = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';
const superuser = { email: 'root@example.com', password: 'correct horse battery' };

/** Everything that PostgreSQL knows of the objects of a schema, and how many rows there are, as one text. */
const CATALOG = `
  with objects as (
    select c.oid, c.relname as name, 'pg_class' as kind, c.relkind::text as text, c.relnamespace as place from pg_class as c
    union all select p.oid, p.proname, 'pg_proc', p.prosrc, p.pronamespace from pg_proc as p
    union all select t.oid, t.typname, 'pg_type', t.typtype::text, t.typnamespace from pg_type as t
    union all select x.oid, x.conname, 'pg_constraint', pg_get_constraintdef(x.oid), x.connamespace from pg_constraint as x
  )
  select n.nspname, md5(string_agg(concat_ws(' ', o.oid, o.kind, o.name, o.text), ';' order by o.kind, o.name, o.oid)),
    count(*), (
      select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', t.schemaname, t.tablename), false, true, '')))[1]::text::int)
      from pg_tables as t where t.schemaname = n.nspname
    )
  from pg_namespace as n join objects as o on o.place = n.oid
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  group by n.nspname order by n.nspname`;

interface Place {
  readonly url: string;
  /** The same database as a role that the policies of LARP manager bind. */
  readonly boundUrl: string;
  readonly command: (text: string) => Promise<readonly (readonly (string | null)[])[]>;
}

async function openPlace(): Promise<Place & AsyncDisposable> {
  const server = await testServer();
  const name = `keelson_test_${process.pid}_neighbours`;
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const boundUrl = new URL(url);
  boundUrl.searchParams.set('options', `-c role=${name}`);
  await runOn(server.url, `create database ${name}`);
  await runOn(server.url, `create role ${name} nosuperuser nobypassrls`);
  return {
    url: url.href,
    boundUrl: boundUrl.href,
    command: (text) => runOn(url.href, text),
    [Symbol.asyncDispose]: async () => {
      await runOn(server.url, `drop database ${name} with (force)`);
      await runOn(server.url, `drop role ${name}`);
    },
  };
}

async function runOn(url: string, text: string): Promise<readonly (readonly (string | null)[])[]> {
  const postgres = await connectPostgres({ url, poolSize: 1, statementTimeoutMs: 60_000, log: silentLog });
  const connection = await postgres.connect();
  try {
    return (await connection.command(text)).rows;
  } finally {
    await connection.close();
    await postgres.close();
  }
}

/** A process of an app, in a folder of its own. */
function launch(app: App, words: readonly string[], { url, boundUrl }: Place) {
  const folder = mkdtempSync(path.join(tmpdir(), `keelson-${app}-`));
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    APP_ENV: 'test',
    SECRET_KEY,
    DATABASE_URL: app === 'larp-manager' ? boundUrl : url,
    DIRECT_DATABASE_URL: url,
    MIGRATE_ON_START: 'check',
    PORT: '0',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'warn',
    OPERATOR_TOKEN: SECRET_KEY,
    ALCHEMY_WEBHOOK_SECRET: SECRET_KEY,
    SEED_SUPERUSER_EMAIL: superuser.email,
    SEED_SUPERUSER_PASSWORD: superuser.password,
  };
  const program = path.join(import.meta.dirname, '..', app, 'app.ts');
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise: listening, resolve } = Promise.withResolvers<string | undefined>();
  const { promise: ended, resolve: end } = Promise.withResolvers<number | string>();
  const told = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      told.text += chunk;
      const origin = /^ {2}Health +(http\S+)\/health$/mu.exec(told.text)?.[1];
      if (origin !== undefined) resolve(origin);
    });
  }
  child.once('close', (code, signal) => {
    rmSync(folder, { recursive: true, force: true });
    resolve(undefined);
    end(code ?? signal ?? 'nothing');
  });
  return { listening, ended, told, stop: () => child.kill('SIGTERM') };
}

/** Runs a command of an app to its end. */
async function command(app: App, words: readonly string[], place: Place): Promise<string> {
  const { ended, told } = launch(app, words, place);
  assert.equal(await ended, 0, `${app} ${words.join(' ')}\n${told.text}`);
  return told.text;
}

/** What is in each schema. */
async function catalogs(place: Place): Promise<ReadonlyMap<string, string>> {
  return new Map((await place.command(CATALOG)).map(([schema, ...rest]) => [schema ?? '', rest.join(' ')]));
}

async function grant({ command: run, boundUrl }: Place): Promise<void> {
  const role = /role=(?<name>\w+)/u.exec(decodeURIComponent(boundUrl.replaceAll('+', ' ')))?.groups?.['name'] ?? '';
  await run(`grant usage on schema larp_manager to ${role}`);
  await run(`grant select, insert, update, delete on all tables in schema larp_manager to ${role}`);
}

// LRP-2 LRP-6
test('three apps migrate, serve and go back in one database: each in its own schema with its own history, and no other changes', async () => {
  await using place = await openPlace();
  await Promise.all(names.map((app) => command(app, ['migrate', 'up'], place)));
  const before = await catalogs(place);
  assert.deepEqual([...before.keys()], ['accounts', 'glisk', 'larp_manager']);
  const histories = await place.command("select distinct schemaname from pg_tables where tablename ~ 'migrations' order by 1");
  assert.deepEqual(histories.flat(), ['accounts', 'glisk', 'larp_manager']);
  await grant(place);
  await command('larp-manager', ['db', 'seed'], place);
  const seeded = await catalogs(place);
  for (const schema of ['accounts', 'glisk']) assert.equal(seeded.get(schema), before.get(schema), schema);
  await serveAll(place);
  const served = await catalogs(place);
  await command('larp-manager', ['migrate', 'down', 'base'], place);
  const without = await catalogs(place);
  for (const schema of ['accounts', 'glisk']) assert.equal(without.get(schema), served.get(schema), schema);
  assert.notEqual(without.get('larp_manager'), served.get('larp_manager'));
});

/** All three at once: the same e-mail is another user in each. */
async function serveAll(place: Place): Promise<void> {
  const running = names.map((app) => ({ app, ...launch(app, ['serve'], place) }));
  try {
    const origins = new Map<App, string>();
    for (const { app, listening, told } of running) {
      const origin = await listening;
      assert.ok(origin !== undefined, `${app}\n${told.text}`);
      origins.set(app, origin);
      assert.equal((await fetch(`${origin}/health/ready`)).status, 200, app);
    }
    const post = (app: App, url: string, body: object) =>
      fetch(`${origins.get(app)}/api/v1${url}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    // The superuser of one app is nobody in another.
    assert.equal((await post('larp-manager', '/auth/login', superuser)).status, 200);
    assert.equal((await post('accounts', '/auth/login', superuser)).status, 401);
    assert.equal((await post('accounts', '/auth/register', superuser)).status, 201);
    assert.equal((await fetch(`${origins.get('glisk')}/api/v1/tokens`)).status, 200);
    const rows = await place.command(
      'select (select count(*) from accounts.users), (select count(*) from larp_manager.users where is_superuser), (select count(*) from larp_manager.games)',
    );
    assert.deepEqual(rows, [['1', '1', '2']]);
  } finally {
    for (const { stop, ended } of running) {
      stop();
      await ended;
    }
  }
}

function parseApp(name: string): App {
  return name as App;
}
