/** The load: autocannon in a process of its own, the same for every contender. */
import autocannon from 'autocannon';
import { answerCalls } from '../../calls.ts';
import type { HttpLoad, HttpLoaded } from '../../http-load.ts';

async function fire({ origin, requests, connections, durationMs }: HttpLoad): Promise<HttpLoaded> {
  const latencies: number[] = [];
  let wrong = 0;
  const startedMs = performance.now();
  const running = autocannon({ url: origin, connections, duration: durationMs / 1_000, timeout: 10, requests: requests.map((request) => ({ ...request })) });
  running.on('response', (_client: unknown, status: number, _bytes: number, latencyMs: number) => {
    if (status >= 300) wrong += 1;
    latencies.push(latencyMs);
  });
  const { errors } = await running;
  const tookMs = performance.now() - startedMs;
  latencies.sort((a, b) => a - b);
  return {
    answers: latencies.length,
    wrong: wrong + errors,
    perSecond: (latencies.length / tookMs) * 1_000,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

answerCalls({ fire: (load) => fire(load as HttpLoad) });
