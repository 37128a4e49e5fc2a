/** Upkeep: what nobody else would ever come back to. */
import type { Clock } from 'keelson/clock';
import type { Log } from 'keelson/log';
import type { Database } from 'keelson/work';
import type { PictureStore } from '../images/schema.ts';
import type { Repositories } from '../model.ts';

/** What upkeep works on. */
export interface UpkeepParts {
  readonly database: Database<Repositories>;
  readonly pictures: PictureStore;
  readonly clock: Pick<Clock, 'now'>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A picture is in the store of content by then, or its token was given up. */
const PICTURES_KEPT_MS = 7 * DAY_MS;
const TOKENS_AT_ONCE = 1_000;
const STRANDED = 'upkeep_stranded';

export class UpkeepService {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /**
   * Sends tokens back to their beginning that were left in generation and that no worker holds: of those whose worker has died the
   * leases tell, of those that were begun without one nobody does. They are left alone for a minute, in case that somebody works on them.
   */
  async recover(log: Log): Promise<number> {
    const nowMs = this.#parts.clock.now().getTime();
    const recovered = await this.#parts.database.work(
      async ({ tokens, systemState }) => {
        const seen = parseSeen(await systemState.getState(STRANDED));
        const stranded = await tokens.claim(
          { status: 'generating', leaseOwner: null },
          { orderBy: 'mintTimestamp', limit: TOKENS_AT_ONCE },
        );
        const back = stranded.filter(({ id }) => nowMs - (seen.get(id) ?? nowMs) >= MINUTE_MS);
        const waiting = stranded.filter((token) => !back.includes(token));
        for (const token of back) token.retry();
        if (seen.size > 0 || waiting.length > 0)
          await systemState.setState(STRANDED, Object.fromEntries(waiting.map(({ id }) => [id, seen.get(id) ?? nowMs])));
        return back.map(({ tokenId }) => tokenId);
      },
      { name: 'upkeep.recover' },
    );
    for (const tokenId of recovered) log.info('worker.recovered', { token_id: tokenId });
    return recovered.length;
  }

  /** Removes the pictures of tokens that have long been uploaded. */
  async forgetPictures(log: Log): Promise<void> {
    const removed = await this.#parts.pictures.removeOlderThan(PICTURES_KEPT_MS);
    if (removed > 0) log.info('pictures.forgotten', { removed });
  }
}

/** Since when each token has been seen stranded, in milliseconds. */
function parseSeen(value: unknown): ReadonlyMap<string, number> {
  return new Map(Object.entries((value ?? {}) as Readonly<Record<string, number>>));
}
