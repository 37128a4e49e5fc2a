/** Two processes of accounts on one database: storms of refreshes, a stop under load, and a database that goes and comes back. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { startEmbedded } from 'keelson/postgres';
import { type Answer, ask, type Call, command, emptyDatabase, serve, type Served } from './processes.fixture.ts';

const STORMS = 1_000;
const REFRESHES = 20;
const ada = { email: 'ada@example.com', password: 'correct horse battery' };

/** A pair of tokens of a new session; the user is registered where it is not yet. */
async function login(served: Served): Promise<{ readonly access: string; readonly refresh: string }> {
  const answer = await ask(served, { method: 'POST', path: '/api/v1/auth/login', body: ada });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return { access: String(answer.body['access_token']), refresh: String(answer.body['refresh_token']) };
}

async function register(served: Served): Promise<void> {
  assert.equal((await ask(served, { method: 'POST', path: '/api/v1/auth/register', body: ada })).status, 201);
}

const refresh = (served: Served, token: string): Promise<Answer> =>
  ask(served, { method: 'POST', path: '/api/v1/auth/refresh', body: { refresh_token: token } });

const me = (token: string): Call => ({ method: 'GET', path: '/api/v1/users/me', token });

// INF-6 FND-4
test(`in ${STORMS} storms of ${REFRESHES} refreshes of one token over two processes there are never two live successors`, async (t) => {
  await using database = await emptyDatabase('storm');
  await using one = await serve(database.url);
  await using other = await serve(database.url);
  await register(one);
  let answered = 0;
  for (let storm = 0; storm < STORMS; storm += 1) {
    const pair = await login(storm % 2 === 0 ? one : other);
    const answers = await Promise.all(
      Array.from({ length: REFRESHES }, (_, index) => refresh(index % 2 === 0 ? one : other, pair.refresh)),
    );
    const successors = answers.filter(({ status }) => status === 200);
    assert.ok(successors.length <= 1, `storm ${storm} had ${successors.length} successors`);
    answered += successors.length;
    for (const { status, body } of answers) {
      assert.ok(
        status === 200 || (status === 401 && ['TOKEN_REUSED', 'TOKEN_INVALID'].includes(String(body['error']))),
        JSON.stringify(body),
      );
    }
    // One of twenty was a thief: what the first was given is dead too, on either process.
    for (const { body } of successors) {
      assert.equal((await refresh(other, String(body['refresh_token']))).status, 401);
      assert.equal((await ask(one, me(String(body['access_token'])))).status, 401);
      assert.equal((await ask(other, me(pair.access))).status, 401);
    }
  }
  const live = await command(database.url, 'select count(*) from accounts.sessions where ended_at is null');
  assert.equal(live[0]?.[0], '0', 'a session outlived its storm');
  const alive = [one, other].map(({ child }) => child.exitCode);
  assert.deepEqual(alive, [null, null]);
  t.diagnostic(`${answered} of ${STORMS} storms gave one successor`);
  assert.ok(answered > STORMS / 2, 'refreshes do not succeed at all');
});

/** An answer, and who gave it. */
interface Answered {
  readonly answer: Answer;
  readonly served: Served;
}

/** What a load has met. */
interface Load<T> {
  readonly asked: number;
  readonly answers: readonly T[];
  /** Calls whose connection broke: nobody knows whether they were done. */
  readonly lost: readonly unknown[];
}

/** Asks at a steady rate until told to stop, without waiting for answers; `send` says whom. */
async function load<T extends Answered>(perSecond: number, until: AbortSignal, send: (index: number) => Promise<T>): Promise<Load<T>> {
  const answers: T[] = [];
  const lost: unknown[] = [];
  const pending = new Set<Promise<void>>();
  const startedMs = systemClock.monotonicMs();
  let asked = 0;
  while (!until.aborted) {
    const due = Math.floor(((systemClock.monotonicMs() - startedMs) * perSecond) / 1_000);
    for (; asked < due; asked += 1) {
      const one = send(asked)
        .then(
          (got) => void answers.push(got),
          (error: unknown) => void lost.push(error),
        )
        .finally(() => pending.delete(one));
      pending.add(one);
    }
    await systemClock.sleep(4);
    // Who has slept first hears what has come meanwhile, then speaks: a connection may have been closed.
    await systemClock.sleep(0);
  }
  await Promise.all(pending);
  return { asked, answers, lost };
}

/** Takes turns, as a load balancer does; goes elsewhere only where the request was certainly not taken. */
function roundRobin(processes: readonly Served[], call: (index: number) => Call) {
  const down = new Set<Served>();
  return async (index: number): Promise<{ answer: Answer; served: Served }> => {
    for (let turn = index; turn < index + 2 * processes.length; turn += 1) {
      const served = processes[turn % processes.length];
      if (served === undefined || down.has(served)) continue;
      try {
        const answer = await ask(served, call(index));
        if (answer.status !== 503 || answer.headers.connection !== 'close') return { answer, served };
        down.add(served);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')) throw error;
        down.add(served);
      }
    }
    throw new Error(`call ${index} found no process`);
  };
}

// INF-9 INF-10
test('under 200 requests a second one of two processes is stopped by SIGTERM, and no request is lost', async (t) => {
  await using database = await emptyDatabase('drain');
  await using stays = await serve(database.url);
  await register(stays);
  const { access } = await login(stays);
  for (let round = 0; round < 5; round += 1) {
    await using goes = await serve(database.url);
    const over = new AbortController();
    const calls: readonly Call[] = [me(access), { ...me(access), method: 'PATCH', body: { full_name: `Ada ${round}` } }];
    const loading = load(
      200,
      over.signal,
      roundRobin([stays, goes], (index) => calls[index % 7 === 0 ? 1 : 0] ?? me(access)),
    );
    await systemClock.sleep(700);
    goes.child.kill('SIGTERM');
    assert.equal(await goes.ended, 0, goes.printed());
    await systemClock.sleep(300);
    over.abort();
    const { asked, answers, lost } = await loading;
    assert.deepEqual(lost.map(String), [], `round ${round} lost requests of ${asked}`);
    assert.deepEqual([...new Set(answers.map(({ answer }) => answer.status))], [200]);
    assert.equal(answers.length, asked);
    assert.ok(answers.filter(({ served }) => served === goes).length > 20, 'the one that stops had no share of the load');
    t.diagnostic(`round ${round}: ${asked} asked, ${answers.length} answered`);
  }
  assert.equal(stays.child.exitCode, null);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/** Readiness changes after several looks. */
async function untilReadyIs(served: Served, wanted: 200 | 503): Promise<void> {
  while ((await ask(served, { method: 'GET', path: '/health/ready' })).status !== wanted) await systemClock.sleep(20);
}

// INF-9 FND-4 LRP-5
test('while the database is away calls answer 503 with Retry-After (but for a commit whose outcome is unknown), and when it is back the same processes answer again', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'keelson-restart-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const options = { dataDirectory: path.join(folder, 'postgres'), database: 'accounts', durable: false, port: await freePort() };
  let server = await startEmbedded(options);
  t.after(() => server.stop());
  await using one = await serve(server.url, { LOG_LEVEL: 'error' });
  await using other = await serve(server.url, { LOG_LEVEL: 'error' });
  const processes = [one, other];
  await register(one);
  const { access } = await login(one);
  const calls: readonly Call[] = [me(access), { ...me(access), method: 'PATCH', body: { full_name: 'Ada' } }];
  for (const time of ['first', 'second']) {
    const ended = new AbortController();
    const count = { up: 0, down: 0 };
    const until = async (kind: 'down' | 'up', more: number): Promise<void> => {
      const enough = count[kind] + more;
      while (count[kind] < enough) await systemClock.sleep(10);
    };
    const loading = load(100, ended.signal, async (index) => {
      const served = index % 2 === 0 ? one : other;
      const isChange = index % 5 === 0;
      const answer = await ask(served, calls[isChange ? 1 : 0] ?? me(access));
      count[answer.status === 200 ? 'up' : 'down'] += 1;
      return { answer, served, isChange };
    });
    await until('up', 50);
    await server.stop();
    await until('down', 60);
    for (const each of processes) {
      await untilReadyIs(each, 503);
      assert.equal((await ask(each, { method: 'GET', path: '/health/live' })).status, 200);
    }
    server = await startEmbedded(options);
    await until('up', 100);
    for (const each of processes) await untilReadyIs(each, 200);
    ended.abort();
    const { answers, lost } = await loading;
    assert.deepEqual(lost.map(String), []);
    for (const { answer, isChange } of answers.filter((each) => each.answer.status !== 200)) {
      assert.equal(answer.status, 503, JSON.stringify(answer.body));
      if (answer.body['error'] === 'COMMIT_UNKNOWN') {
        // Cut between COMMIT and its answer: only a change can be, and nobody may repeat it unread.
        assert.ok(isChange, JSON.stringify(answer.body));
        assert.equal(answer.headers['retry-after'], undefined);
        continue;
      }
      assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/u, JSON.stringify(answer.body));
      assert.equal(answer.body['retry_after'], Number(answer.headers['retry-after']));
    }
    // Recovered: now every call succeeds, on both.
    for (let index = 0; index < 40; index += 1) {
      const each = processes[index % 2] ?? one;
      assert.equal((await ask(each, calls[index % 2] ?? me(access))).status, 200);
    }
    t.diagnostic(`time ${time}: ${count.up} answered 200, ${count.down} answered 503`);
  }
  assert.deepEqual(
    processes.map(({ child }) => child.exitCode),
    [null, null],
  );
  assert.doesNotMatch(one.printed() + other.printed(), /unhandled|uncaught/iu);
});
