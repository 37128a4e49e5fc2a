/** What is asked of tokens, and what an operator does with them. */
import { KeelsonError } from 'keelson/errors';
import type { Log } from 'keelson/log';
import type { Database, Filter, PlainRow } from 'keelson/work';
import type { Repositories } from '../model.ts';
import type { Token } from './entity.ts';

/** Which tokens. */
export interface TokenQuery {
  readonly page: number;
  readonly size: number;
  readonly status?: Token['status'] | undefined;
  readonly authorId?: string | undefined;
}

/** A page of tokens. */
export interface TokenPage {
  readonly items: readonly PlainRow<Token>[];
  readonly page: number;
  readonly size: number;
  readonly total: number;
}

/** How far pages reach: what lies beyond is found by a filter, not by turning pages. */
const ROWS_MAX = 10_000;

export class TokenService {
  readonly #database: Database<Repositories>;

  constructor(database: Database<Repositories>) {
    this.#database = database;
  }

  /**
   * A page of tokens: the newest mints first where a status or an author is named, else the last that were added.
   *
   * @throws VALIDATION_ERROR for a page beyond the 10,000th row
   */
  async list({ page, size, status, authorId }: TokenQuery): Promise<TokenPage> {
    if (page * size > ROWS_MAX) {
      const message = `page times size must be at most ${ROWS_MAX}`;
      throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'query.page', message }] });
    }
    const filter: Filter<Token> = { ...(status === undefined ? {} : { status }), ...(authorId === undefined ? {} : { authorId }) };
    const isNarrowed = status !== undefined || authorId !== undefined;
    return this.#database.read(async ({ tokens }) => {
      // Each order is that of an index.
      const rows = tokens.list(filter, {
        orderBy: isNarrowed ? ['-mintTimestamp', '-id'] : '-id',
        limit: size,
        offset: (page - 1) * size,
      });
      const [items, total] = await Promise.all([rows, tokens.count(filter)]);
      return { items, page, size, total };
    });
  }

  /**
   * The token with a key.
   *
   * @throws NOT_FOUND
   */
  async get(id: string): Promise<PlainRow<Token>> {
    return this.#database.read(({ tokens }) => tokens.get(id));
  }

  /**
   * Lets a token that failed, or that is stuck in its generation, begin anew.
   *
   * @throws NOT_FOUND
   * @throws INVALID_STATE_TRANSITION for a token in another state
   */
  async retry(id: string, log: Log): Promise<Token> {
    const [token, from] = await this.#database.work(
      async ({ tokens }) => {
        const locked = await tokens.get(id, { lock: true });
        const before = locked.status;
        locked.retry();
        return [locked, before] as const;
      },
      { name: 'tokens.retry' },
    );
    log.info('token.retried', { token_id: token.tokenId, from });
    return token;
  }
}
