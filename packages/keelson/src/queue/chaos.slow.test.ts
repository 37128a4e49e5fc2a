/** Chaos in small: workers killed, cut off and held up while they work; `npm run bench -- chaos` runs the whole of it. */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { type ChaosResult, ChaosServer, runChaos } from './chaos.fixture.ts';

// GLK-14

let server: ChaosServer;
before(async () => {
  server = await ChaosServer.start(false);
});
after(() => server[Symbol.asyncDispose]());

const size = { processes: 4, tokens: 4_000, waitMsMax: 120_000 };

function assertNothingLost(t: TestContext, result: ChaosResult): void {
  const { tokens, started, finished, finishedTwice, lost, leased, runs, killed, terminated, restarts, logged } = result;
  assert.deepEqual(
    { started, finished, finishedTwice, lost, leased },
    { started: tokens, finished: tokens, finishedTwice: 0, lost: 0, leased: 0 },
  );
  t.diagnostic(JSON.stringify({ runs, killed, terminated, restarts, logged }));
}

test('of many tokens each is started and finished once, and no two processes ever run the same', async (t) => {
  const result = await runChaos(server, {}, size);
  assertNothingLost(t, result);
  assert.equal(result.runs, result.tokens);
  assert.equal(result.overlaps, 0);
});

test('with processes killed by -9, backends terminated and a snapshot held, no token is lost and none finished twice', async (t) => {
  const result = await runChaos(server, { killEachMs: 300, terminateEachMs: 100, isSnapshotHeld: true }, size);
  assertNothingLost(t, result);
  assert.ok(result.killed > 0);
  assert.ok(result.terminated > 0);
});

test('with the database restarted under the workers, no token is lost and none finished twice', async (t) => {
  const result = await runChaos(server, { restarts: 2, restartEachMs: 300 }, size);
  assertNothingLost(t, result);
  assert.ok(result.restarts > 0);
});
