/** A process that reveals batches of its own on a chain that others share, and can be killed at any moment: `node … <directory> <first token>`. */
import { isKeelsonError } from 'keelson/errors';
import { systemClock } from 'keelson/clock';
import { calmly } from '../outside.fixture.ts';
import { clientOf, revealsOf } from './chain.fixture.ts';
import { LocalChain } from './local.ts';

/** Batches that each process reveals, of so many tokens. */
export const batches = { count: 10, tokens: 3 } as const;

const TRIES_MAX = 50;

async function revealBatch(chain: ReturnType<typeof clientOf>, first: number): Promise<void> {
  const reveals = revealsOf(...Array.from({ length: batches.tokens }, (_, index) => first + index));
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    // Whoever was killed here before may have come further than it could say.
    if ((await chain.listRevealed(reveals, calmly())).length === reveals.length) return;
    try {
      const { txHash } = await chain.send(reveals, calmly());
      await chain.wait(txHash, calmly());
      return;
    } catch (error) {
      if (!isKeelsonError(error, 'OUTSIDE_UNAVAILABLE') && !isKeelsonError(error, 'OUTSIDE_REFUSED')) throw error;
    }
  }
}

if (import.meta.main) {
  const [directory = '', first = ''] = process.argv.slice(2);
  const chain = clientOf(new LocalChain({ directory, clock: systemClock, blockMs: 20 }), { waitMs: 5_000 });
  for (let batch = 0; batch < batches.count; batch += 1) {
    await revealBatch(chain, Number(first) + batch * batches.tokens);
    process.send?.('revealed');
  }
  process.disconnect?.();
}
