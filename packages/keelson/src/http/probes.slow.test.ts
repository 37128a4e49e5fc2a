/** Probes under load: a pool that is exhausted, a thousand probes over real sockets, and only true answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBench } from './bench.fixture.ts';

const PROBES = 1_000;
const AT_ONCE = 4;
const WAITERS = 20;

// FND-9
test('with an exhausted pool a thousand probes are answered, and every answer is true', async (t) => {
  await using bench = await openBench();
  const { pool } = bench.database.postgres;
  const url = await bench.server.listen({ host: '127.0.0.1', port: 0 });
  const held = await Promise.all(Array.from({ length: pool.stats.sizeMax }, () => pool.acquire('load')));
  // Those who wait make the pool busy, not only full.
  const waiting = Array.from({ length: WAITERS }, () => pool.acquire('waiter').then((connection) => pool.release(connection)));
  // On a slow machine they may have gone before the last probe.
  const gone = Promise.allSettled(waiting);
  const paths = ['/health/live', '/health/ready', '/health', '/health/db'] as const;
  const tookMs: number[] = [];
  let left = PROBES;
  const ask = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const path = paths[left % paths.length] ?? '/health';
      const startedMs = performance.now();
      const answer = await fetch(`${url}${path}`);
      const body = parseBody(await answer.text());
      tookMs.push(performance.now() - startedMs);
      assert.equal(answer.status, 200, path);
      assert.equal(body['status'], path === '/health/live' ? 'healthy' : 'degraded');
      if (path === '/health/db')
        assert.partialDeepStrictEqual(body['connection_pool'], { active_connections: 10, idle_connections: 0, pool_size: 10 });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  const sorted = tookMs.toSorted((one, other) => one - other);
  t.diagnostic(`p50 ${at(sorted, 0.5)} ms, p99 ${at(sorted, 0.99)} ms of ${sorted.length} probes, ${AT_ONCE} at once`);
  assert.equal(sorted.length, PROBES);
  for (const connection of held) pool.release(connection);
  await gone;
  assert.equal(parseBody(await (await fetch(`${url}/health`)).text())['status'], 'healthy');
});

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
