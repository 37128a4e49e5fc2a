/** Shadows on a real PostgreSQL: made, cloned, dropped, and left behind by those that died. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isKeelsonError } from '../../errors.ts';
import { Connection } from '../../postgres/connection.ts';
import { type TestServer, testServer } from '../../testing/server.ts';
import { Shadows } from './shadow.ts';

let server: TestServer;
let admin: Connection;

before(async () => {
  server = await testServer();
  admin = await Connection.open({ connectionString: server.url });
});

after(async () => {
  await admin.close();
  await server.stop();
});

async function isThere(url: string): Promise<boolean> {
  const name = new URL(url).pathname.slice(1);
  const { rows } = await admin.query({ text: 'select from pg_database where datname = $1', name: undefined, values: [name] });
  return rows.length > 0;
}

test('a clone has what its origin has, and what happens in it stays there', async () => {
  await using shadows = await Shadows.open({ url: server.url });
  const origin = await shadows.create();
  await (await origin.connect()).command('create table hats (size int); insert into hats values (54)');
  const clone = await origin.clone();
  const inside = await clone.connect();
  assert.deepEqual((await inside.command('select size from hats')).rows, [['54']]);
  await inside.command('drop table hats');
  assert.deepEqual((await (await origin.connect()).command('select size from hats')).rows, [['54']]);
});

test('a clone can be cloned while connections to it are open: they are closed first', async () => {
  await using shadows = await Shadows.open({ url: server.url });
  const origin = await shadows.create();
  const open = await origin.connect();
  const clone = await origin.clone();
  await clone.connect();
  await clone.clone();
  assert.equal(open.broken, true);
});

test('leaving drops every shadow, connected or not, and says which version it was', async () => {
  const shadows = await Shadows.open({ url: server.url });
  assert.equal(shadows.serverVersion, Math.floor(Number((await admin.command('show server_version_num')).rows[0]?.[0]) / 10_000));
  const [first, second] = [await shadows.create(), await shadows.create()];
  await first.connect();
  assert.deepEqual([await isThere(first.url), await isThere(second.url)], [true, true]);
  await shadows[Symbol.asyncDispose]();
  assert.deepEqual([await isThere(first.url), await isThere(second.url)], [false, false]);
});

test('what an owner that died left is dropped by the next one; what a living one has is not', async () => {
  await using living = await Shadows.open({ url: server.url });
  const kept = await living.create();
  const leftOver = `keelson_shadow_${process.pid.toString(16).padStart(15, '0')}_1`;
  const unrelated = `keelson_shadow_of_doubt_${process.pid}`;
  await admin.command(`create database "${leftOver}" template template0`);
  await admin.command(`create database "${unrelated}" template template0`);
  await using next = await Shadows.open({ url: server.url });
  assert.equal(await isThere(`postgresql://x/${leftOver}`), false);
  assert.equal(await isThere(`postgresql://x/${unrelated}`), true);
  assert.equal(await isThere(kept.url), true);
  assert.equal(await isThere((await next.create()).url), true);
  await admin.command(`drop database "${unrelated}"`);
});

test('an owner whose connection was cut is dead: its shadows are dropped by the next one', async () => {
  const dead = await Shadows.open({ url: server.url });
  const shadow = await dead.create();
  const owner = /keelson_shadow_([0-9a-f]{15})_/.exec(shadow.url)?.[1] ?? '0';
  const { rows } = await admin.query({
    text: `select pg_terminate_backend(l.pid, 5000) from pg_locks as l
      where l.locktype = 'advisory' and (l.classid::bigint << 32) | l.objid::bigint = $1`,
    name: undefined,
    values: [String(BigInt(`0x${owner}`))],
  });
  assert.equal(rows.length, 1);
  await dead[Symbol.asyncDispose]();
  await using _next = await Shadows.open({ url: server.url });
  assert.equal(await isThere(shadow.url), false);
});

test('a user who may not create databases is told how to go on', async () => {
  await admin.command(`create role "keelson shadow guest" login password 'guest'`);
  const url = new URL(server.url);
  url.username = encodeURIComponent('keelson shadow guest');
  url.password = 'guest';
  try {
    await assert.rejects(Shadows.open({ url: url.href }), (error) => {
      assert.ok(isKeelsonError(error, 'SHADOW_UNAVAILABLE'), String(error));
      assert.match(error.message, /The user "keelson shadow guest" may not create databases/);
      assert.match(error.hint, /alter role "keelson shadow guest" createdb.*SHADOW_DATABASE_URL/);
      assert.doesNotMatch(error.message + error.hint, /:guest/);
      return true;
    });
  } finally {
    await admin.command('drop role "keelson shadow guest"');
  }
});

test('a server that is not there is SHADOW_UNAVAILABLE, with where and why, and without the password', async () => {
  await assert.rejects(Shadows.open({ url: 'postgresql://app:secret@127.0.0.1:1/app' }), (error) => {
    assert.ok(isKeelsonError(error, 'SHADOW_UNAVAILABLE'), String(error));
    assert.match(error.message, /127\.0\.0\.1:1, database "app", user "app": .*ECONNREFUSED/);
    assert.match(error.hint, /SHADOW_DATABASE_URL/);
    assert.doesNotMatch(error.message + error.hint, /secret/);
    return true;
  });
});
