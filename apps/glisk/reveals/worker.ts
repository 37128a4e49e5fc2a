/** The worker that reveals tokens on the chain: ready → revealed, up to fifty in one transaction. */
import { failureOf, patiently, worker } from '../worker.ts';

const MINUTE_MS = 60_000;

export const reveal = worker('reveal', {
  claim: { from: 'tokens', in: 'ready', orderBy: 'mintTimestamp' },
  attemptsMax: 10,
  timeoutMs: 10 * MINUTE_MS,
  concurrency: 1,
  batchMax: 50,
  gather: {
    max: 50,
    waitMs: 5_000,
    run: (tokens, { services, signal, log }) => patiently(() => services.reveals.reveal(tokens, { signal, log })),
  },
  done: (token, results) => {
    const result = results.get(token.id);
    if (result !== undefined && 'txHash' in result) token.markRevealed(result.txHash);
    else token.markFailed(failureOf(result?.error ?? new TypeError('no result')));
  },
  fail: (token, error) => token.markFailed(failureOf(error)),
});
