/** What the page shows: the counts, who works on what, the newest pictures, and what needs attention. */
import { KeelsonError } from 'keelson/errors';
import { drawLifeCycle, type DiagramOptions } from 'keelson/schema';
import type { Database } from 'keelson/work';
import type { ContentStore } from '../ipfs/schema.ts';
import type { Repositories } from '../model.ts';
import type { Stats, StatsService } from '../system/service.ts';
import { type PictureRow, selectNewestPictures, selectPicture, selectTroubles, selectWorkers, type TroubleRow } from './repository.ts';

/** A token that somebody should look at. */
export interface Trouble {
  readonly kind: 'failed' | 'stuck';
  readonly id: string;
  readonly token_id: number;
  readonly status: string;
  /** A sentence for people. */
  readonly why: string;
  /** Whether its life cycle lets it begin anew. */
  readonly can_retry: boolean;
}

/** What the page shows, as it goes to the browser. Nothing in it is a time: what has not changed is not sent again. */
export interface PageState extends Pick<Stats, 'held' | 'stuck' | 'tokens' | 'total'> {
  /** How many processes run workers. */
  readonly workers: number;
  readonly pictures: readonly PictureRow[];
  readonly troubles: readonly Trouble[];
}

/** A picture as a browser may show it. */
export interface ShownPicture {
  readonly cid: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** What the page is made of. */
export interface PageParts {
  readonly database: Database<Repositories>;
  readonly stats: Pick<StatsService, 'read'>;
  readonly contents: Pick<ContentStore, 'get'>;
  readonly lifeCycle: Parameters<typeof drawLifeCycle>[0];
  readonly apiPrefix: string;
}

const PICTURES_MAX = 24;
const TROUBLES_MAX = 8;
const CONTENT_TIMEOUT_MS = 10_000;

/** The kinds of picture that a browser is given, by how their bytes begin; whatever else is stored is never shown. */
const kinds: readonly { readonly mediaType: string; readonly begins: RegExp }[] = [
  { mediaType: 'image/png', begins: /^\u0089PNG\r\n/u },
  { mediaType: 'image/jpeg', begins: /^\u00FF\u00D8\u00FF/u },
  { mediaType: 'image/webp', begins: /^RIFF[\s\S]{4}WEBP/u },
];
const BEGINNING_BYTES = 12;

export class PageService {
  readonly #parts: PageParts;

  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  /** The life cycle of a token, as it is declared. */
  diagram(direction: DiagramOptions['direction']): string {
    const { lifeCycle, apiPrefix } = this.#parts;
    return drawLifeCycle(lifeCycle, {
      direction,
      label: 'The life cycle of a token, with how many are in each state',
      link: (state) => `${apiPrefix}/tokens?status=${state}`,
    });
  }

  /** What the page shows now. */
  async read(): Promise<PageState> {
    const [stats, workers, pictures, troubles] = await this.#parts.database.read(({ sql }) =>
      Promise.all([
        this.#parts.stats.read(),
        sql(selectWorkers()),
        sql(selectNewestPictures(PICTURES_MAX)),
        sql(selectTroubles(TROUBLES_MAX)),
      ]),
    );
    const { tokens, total, stuck, held } = stats;
    return {
      tokens,
      total,
      stuck,
      held,
      workers: Number(workers[0]?.rows ?? 0),
      pictures,
      troubles: troubles.map((row) => this.#describe(row)),
    };
  }

  /**
   * The picture of a token.
   *
   * @throws NOT_FOUND when it has none, or none that a browser may show
   */
  async picture(tokenId: number): Promise<ShownPicture> {
    const [row] = await this.#parts.database.read(({ sql }) => sql(selectPicture(tokenId)));
    const cid = row?.cid ?? undefined;
    if (cid === undefined) throw new KeelsonError('NOT_FOUND', { message: `Token ${tokenId} has no picture.` });
    const bytes = await this.#parts.contents.get(cid, { signal: AbortSignal.timeout(CONTENT_TIMEOUT_MS) });
    const beginning = Buffer.from(bytes.subarray(0, BEGINNING_BYTES)).toString('latin1');
    const kind = kinds.find(({ begins }) => begins.test(beginning));
    if (kind === undefined) throw new KeelsonError('NOT_FOUND', { message: `What is stored for token ${tokenId} is no picture.` });
    return { cid, bytes, mediaType: kind.mediaType };
  }

  #describe({ kind, id, token_id, status, attempts, message, since }: TroubleRow): Trouble {
    const why = kind === 'failed' ? (message ?? 'It failed without a word.') : `No worker has taken it since ${since ?? '?'} UTC.`;
    const tried = attempts === 0 ? '' : ` Tried ${attempts === 1 ? 'once' : `${attempts} times`}.`;
    return {
      kind,
      id,
      token_id,
      status,
      why: `${why}${tried}`,
      can_retry: (this.#parts.lifeCycle.redrive[status]?.length ?? 0) > 0,
    };
  }
}
