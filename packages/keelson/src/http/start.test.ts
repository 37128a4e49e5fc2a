/** Start and stop: the order of the steps, what happens when one fails, and how the calls under way are brought to an end. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { readRevisions } from '../migrate/folder.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { Migrator } from '../migrate/runner.ts';
import { Connection } from '../postgres/connection.ts';
import { testServer } from '../testing/server.ts';
import { type Clone, cloneDatabase } from '../testing/template.ts';
import { defineModel } from '../work/model.ts';
import { model, notesApp, RecordingLog, type Services } from './notes.fixture.ts';
import { runUntilSignal, type SignalSource } from './signals.ts';
import { type RunningApp, startApp, type StartOptions } from './start.ts';

const migrations = mkdtempSync(path.join(tmpdir(), 'keelson-migrations-'));
const empty = { model: defineModel({ name: 'empty', tables: [], repositories: {} }) };

before(async () => {
  await writeFirstRevision(migrations, { tables: model.tables, namespace: model.namespace, name: 'initial' });
});

type App = Parameters<typeof notesApp>[0];

/** A folder and an empty database of its own. */
class Place implements AsyncDisposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'keelson-start-'));
  readonly log = new RecordingLog();
  readonly clone: Clone;

  private constructor(clone: Clone) {
    this.clone = clone;
  }

  static async open(): Promise<Place> {
    return new Place(await cloneDatabase(await testServer(), empty));
  }

  start(
    app: App = {},
    options: StartOptions = {},
  ): Promise<RunningApp<typeof model.repositories, Services, NonNullable<ReturnType<typeof notesApp>>['settings']['declarations']>> {
    const environment = { APP_ENV: 'test', DATABASE_URL: this.clone.url, DATABASE_CONNECT_RETRY_MS: '0', ...options.environment };
    const chosen = { directory: this.directory, log: this.log, port: 0, ...options, environment };
    return startApp(notesApp({ migrationsDirectory: migrations, ...app }), chosen);
  }

  steps(): unknown[] {
    return this.log.of('server.starting').map((fields) => fields['step']);
  }

  /** Resolves when the app has no connection left: the server's ends go a moment after ours. */
  async isLeft(): Promise<void> {
    const connection = await Connection.open({ connectionString: this.clone.url });
    for (let left = 1; left > 0;) {
      const { rows } = await connection.command("select count(*) from pg_stat_activity where application_name = 'notes'");
      left = Number(rows[0]?.[0]);
    }
    await connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clone.drop();
    rmSync(this.directory, { recursive: true });
  }
}

async function get(url: string): Promise<{ status: number; headers: Headers; json: Readonly<Record<string, unknown>> }> {
  const answer = await fetch(url);
  return { status: answer.status, headers: answer.headers, json: parseJson(await answer.text()) };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

/** A handler that is entered so many times, and goes on when told. */
function gate(calls = 1): { services: () => Services; entered: Promise<void>; open: () => void } {
  const entering = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  let left = calls;
  const enter = (): void => {
    left -= 1;
    if (left === 0) entering.resolve();
  };
  return { services: () => ({ gate: opening.promise, entered: enter }), entered: entering.promise, open: opening.resolve };
}

const order = ['config', 'log', 'database', 'migrations', 'services', 'routes', 'listen'];

// FND-5, GLK-8
test('a start goes step by step, each announced, and a stop takes them back in reverse', async () => {
  await using place = await Place.open();
  const heard: string[] = [];
  const running = await place.start({
    onStart: ({ services, database }) => {
      heard.push(`started ${String('gate' in services)} ${database.model.name}`);
    },
    onStop: async ({ database }) => {
      const rows = await database.read(({ notes }) => notes.count());
      heard.push(`stopped ${String(rows)}`);
    },
  });
  assert.deepEqual(place.steps(), order);
  for (const fields of place.log.of('server.starting')) assert.equal(typeof fields['duration_ms'], 'number');
  assert.equal((await get(`${running.url}/health`)).json['status'], 'healthy');
  assert.equal((await get(`${running.url}/health/db`)).json['migration_status'], 'up_to_date');
  const [listening] = place.log.of('server.listening');
  assert.deepEqual([listening?.['url'], listening?.['docs'], listening?.['pid']], [running.url, `${running.url}/docs`, process.pid]);
  await Promise.all([running.stop(), running.stop()]);
  assert.deepEqual(heard, ['started true notes', 'stopped 0']);
  assert.deepEqual(
    place.log.lines.map(({ event }) => event).filter((event) => /draining|stopped/u.test(event)),
    ['server.draining', 'server.stopped'],
  );
  await assert.rejects(fetch(running.url));
  await place.isLeft();
  assert.deepEqual(
    readdirSync(path.join(place.directory, '.keelson')).filter((name) => name.includes('running')),
    [],
  );
});

// FND-5
test('a step that fails takes back those before it', async () => {
  const boom = (): never => {
    throw new KeelsonError('MISUSE', { message: 'boom' });
  };
  const cases: [string, App, readonly string[]][] = [
    ['services', { services: boom }, order.slice(0, 4)],
    ['onStart', { onStart: boom }, order.slice(0, 4)],
    ['routes', { extend: boom }, order.slice(0, 5)],
  ];
  for (const [name, app, steps] of cases) {
    await using place = await Place.open();
    await assert.rejects(place.start(app), { message: 'boom' }, name);
    assert.deepEqual(place.steps(), steps, name);
    await place.isLeft();
  }
});

// FND-1, LRP-14
test('wrong settings are told at once, before anything is opened', async () => {
  await using place = await Place.open();
  const environment = { PORT: 'x', DATABASE_POOL_SIZE: '0' };
  await assert.rejects(
    place.start({}, { environment }),
    (error) => isKeelsonError(error, 'CONFIG_INVALID') && /PORT[\s\S]*DATABASE_POOL_SIZE/u.test(error.message),
  );
  assert.deepEqual(place.log.lines, []);
});

// GLK-8
test('a start without its database fails with one clear message', async () => {
  await using place = await Place.open();
  const environment = { DATABASE_URL: 'postgresql://app:hunter2@127.0.0.1:1/app' };
  await assert.rejects(
    place.start({}, { environment }),
    (error) => isKeelsonError(error, 'DATABASE_CONNECTION_FAILED') && !error.message.includes('hunter2'),
  );
  assert.deepEqual(place.steps(), order.slice(0, 2));
});

test('a start that only checks refuses a database that is behind, and one that does not look takes it', async () => {
  await using place = await Place.open();
  const check = { environment: { MIGRATE_ON_START: 'check' } };
  await assert.rejects(
    place.start({}, check),
    (error) => isKeelsonError(error, 'MIGRATIONS_PENDING') && error.message.includes('behind the code by the migration'),
  );
  await place.isLeft();
  const running = await place.start({}, { environment: { MIGRATE_ON_START: 'never' } });
  const ready = await get(`${running.url}/health/ready`);
  assert.deepEqual([ready.status, ready.json], [200, { status: 'degraded' }]);
  await running.stop();
  await (await place.start()).stop();
  await (await place.start({}, check)).stop();
});

// FND-3, FND-5, GLK-8
test('/health/db says up_to_date, pending or unknown, as the history of the database stands to the files', async () => {
  await using place = await Place.open();
  const never = { environment: { MIGRATE_ON_START: 'never' } };
  const running = await place.start({}, never);
  const status = async (): Promise<unknown> => (await get(`${running.url}/health/db`)).json['migration_status'];
  assert.equal(await status(), 'pending');
  const owner = await Connection.open({ connectionString: place.clone.url });
  const revisions = await readRevisions(migrations);
  await new Migrator({ connection: owner, revisions, namespace: model.namespace }).up();
  assert.equal(await status(), 'up_to_date');
  // Somebody has changed the file since: files and history contradict each other.
  await owner.command(`update notes.keelson_migrations set checksum = repeat('0', 64)`);
  assert.equal(await status(), 'unknown');
  assert.equal((await get(`${running.url}/health/ready`)).status, 200);
  await owner.close();
  await running.stop();
});

// FND-5
test('a revision that only takes away does not hold up a start that checks, one that the code needs does', async () => {
  await using place = await Place.open();
  const folder = path.join(place.directory, 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const app = { migrationsDirectory: folder };
  await (await place.start(app)).stop();
  writeFileSync(path.join(folder, '20990101T0000_contract.sql'), '-- phase: contract\n-- up\nselect 1;\n-- down\nselect 1;\n');
  const check = { environment: { MIGRATE_ON_START: 'check' } };
  const running = await place.start(app, check);
  assert.deepEqual(place.log.of('migration.contract_pending'), [{ pending: ['20990101T0000'] }]);
  assert.equal((await get(`${running.url}/health/db`)).json['migration_status'], 'pending');
  await running.stop();
  writeFileSync(path.join(folder, '20990102T0000_expand.sql'), '-- up\nselect 1;\n-- down\nselect 1;\n');
  await assert.rejects(place.start(app, check), { code: 'MIGRATIONS_PENDING' });
});

// FND-5
test('an older version starts beside a newer one that has migrated already, and says so', async () => {
  await using place = await Place.open();
  const folder = path.join(place.directory, 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const newer = path.join(folder, '20990101T0000_newer.sql');
  writeFileSync(newer, '-- up\nselect 1;\n-- down\nselect 1;\n');
  const app = { migrationsDirectory: folder };
  await (await place.start(app)).stop();
  rmSync(newer);
  for (const how of ['apply', 'check']) {
    const running = await place.start(app, { environment: { MIGRATE_ON_START: how } });
    assert.equal(place.log.of('migration.history_differs').at(-1)?.['kind'], 'ahead', how);
    await running.stop();
  }
  assert.equal(place.log.of('migration.history_differs').length, 2);
  // What was changed is another matter: it is refused where it would be applied upon.
  const [first = ''] = readdirSync(folder);
  appendFileSync(path.join(folder, first), '-- changed\n');
  await assert.rejects(place.start(app), { code: 'MIGRATION_INVALID' });
});

// FND-5
test('while it drains, ready turns 503 at once, what is under way is answered, and new calls are refused', async () => {
  await using place = await Place.open();
  const slow = gate(5);
  const running = await place.start({ services: slow.services });
  const underWay = Array.from({ length: 5 }, () => get(`${running.url}/slow`));
  await slow.entered;
  const stopping = running.stop();
  const ready = await get(`${running.url}/health/ready`);
  assert.deepEqual([ready.status, ready.json['status'], ready.headers.get('connection')], [503, 'unhealthy', 'close']);
  assert.equal((await get(`${running.url}/health/live`)).status, 200);
  const refused = await get(`${running.url}/api/v1/notes`);
  assert.deepEqual([refused.status, refused.json['error'], refused.headers.get('retry-after')], [503, 'SERVICE_UNAVAILABLE', '1']);
  slow.open();
  for (const answer of await Promise.all(underWay)) assert.deepEqual([answer.status, answer.json], [200, { is_done: true }]);
  await stopping;
  assert.deepEqual(place.log.of('server.cut_off'), []);
  await assert.rejects(fetch(running.url));
});

// FND-9, GLK-8
test('with DRAIN_DELAY_MS calls are still taken while the app already says that it is not ready', async () => {
  await using place = await Place.open();
  const delaying = Promise.withResolvers<void>();
  const delayed = Promise.withResolvers<void>();
  const sleep: Clock['sleep'] = (durationMs, signal) => {
    if (durationMs !== 45_678) return systemClock.sleep(durationMs, signal);
    delaying.resolve();
    return delayed.promise;
  };
  const running = await place.start({}, { clock: { ...systemClock, sleep }, environment: { DRAIN_DELAY_MS: '45678' } });
  const stopping = running.stop();
  await delaying.promise;
  assert.deepEqual(place.log.of('server.draining'), [{ under_way: 0, delay_ms: 45_678 }]);
  assert.equal((await get(`${running.url}/health/ready`)).status, 503);
  assert.equal((await get(`${running.url}/health/live`)).status, 200);
  const served = await get(`${running.url}/api/v1/notes`);
  assert.deepEqual([served.status, served.headers.get('connection')], [200, 'close']);
  delayed.resolve();
  await stopping;
  await assert.rejects(fetch(running.url));
});

test('a call that does not end is cut off, and the stop goes on', async () => {
  await using place = await Place.open();
  const stuck = gate();
  const running = await place.start({ services: stuck.services }, { drainMs: 1 });
  const cut = fetch(`${running.url}/slow`);
  await stuck.entered;
  const [stopped] = await Promise.allSettled([running.stop(), cut]);
  assert.equal(stopped.status, 'fulfilled');
  await assert.rejects(cut);
  assert.deepEqual(place.log.of('server.cut_off'), [{ under_way: 1, drain_ms: 1 }]);
  await place.isLeft();
});

class Signals extends EventEmitter implements SignalSource {
  readonly codes: number[] = [];

  exit(code: number): void {
    this.codes.push(code);
  }
}

test('the first signal stops in good order, a second ends at once', async () => {
  const signals = new Signals();
  const stopping = Promise.withResolvers<void>();
  const asked: string[] = [];
  const stop = (): Promise<void> => {
    asked.push('stop');
    return stopping.promise;
  };
  const done = runUntilSignal({ log: new RecordingLog(), stop }, signals);
  signals.emit('SIGTERM');
  await Promise.resolve();
  assert.deepEqual([asked, signals.codes], [['stop'], []]);
  signals.emit('SIGINT');
  assert.deepEqual([asked, signals.codes], [['stop'], [130]]);
  stopping.resolve();
  await done;
  assert.equal(signals.listenerCount('SIGINT') + signals.listenerCount('SIGTERM'), 0);
});

test('a second start says what is running and where', async () => {
  await using place = await Place.open();
  const running = await place.start();
  const port = Number(new URL(running.url).port);
  await assert.rejects(place.start({}, { port }), {
    code: 'PORT_TAKEN',
    message: `notes 1.2.3 is already running at ${running.url} (pid ${process.pid}).`,
    hint: `Use it, stop it with Ctrl-C, or start this one beside it: PORT=${port + 1} npm start`,
  });
  assert.deepEqual(place.log.of('server.listening').length, 1);
  await using elsewhere = await Place.open();
  await assert.rejects(elsewhere.start({}, { port }), { message: `Another app, version 1.2.3, is already running at ${running.url}.` });
  await running.stop();
});

test('a port that another program has is told as taken', async () => {
  await using place = await Place.open();
  const other = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await assert.rejects(place.start({}, { port }), {
    code: 'PORT_TAKEN',
    message: `Port ${port} of 127.0.0.1 is taken by another program.`,
  });
  assert.deepEqual(place.steps(), order.slice(0, 2));
  other.close();
});

async function raw(url: string, text: string): Promise<{ status: string; head: string; json: Readonly<Record<string, unknown>> }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(text);
  const [head = '', body = ''] = (await textOf(socket)).split('\r\n\r\n');
  return { status: head.split(' ')[1] ?? '', head: head.toLowerCase(), json: parseJson(body) };
}

// FND-4
test('what is not HTTP is answered as a problem too', async () => {
  await using place = await Place.open();
  const running = await place.start();
  const cases: [string, string, string][] = [
    ['HELLO\r\n\r\n', '400', 'MALFORMED_REQUEST'],
    ['GET / HTTP/1.1\r\nbad header\r\n\r\n', '400', 'MALFORMED_REQUEST'],
    ['GET /nowhere HTTP/1.1\r\nconnection: close\r\n\r\n', '400', 'MALFORMED_REQUEST'],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, '431', 'HEADERS_TOO_LARGE'],
    ['POST /api/v1/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', '400', 'MALFORMED_REQUEST'],
  ];
  for (const [text, status, code] of cases) {
    const answer = await raw(running.url, text);
    assert.deepEqual([answer.status, answer.json['error'], answer.json['status']], [status, code, Number(status)], text.slice(0, 30));
    assert.match(answer.head, /content-type: application\/problem\+json/u);
    assert.ok(answer.head.includes(`x-request-id: ${String(answer.json['request_id'])}`));
  }
  await running.stop();
});
