/** Pictures: a token's prompt goes to a maker of pictures, and the picture to where its upload finds it. */
import type { Clock } from 'keelson/clock';
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import type { Token } from '../tokens/entity.ts';
import { ImageGenerationJob } from './entity.ts';
import type { PictureCall, PictureMaker, PictureStore } from './schema.ts';

/** What pictures are made with. */
export interface PictureParts {
  readonly database: Database<Repositories>;
  readonly maker: PictureMaker;
  readonly store: PictureStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** A picture that was drawn and lies where it is found. */
export interface Drawn {
  readonly jobId: string;
  readonly path: string;
  readonly at: Date;
}

interface Begun {
  readonly jobId: string;
  readonly prompt: string;
  readonly externalJobId: string | null;
}

export class PictureService {
  readonly #parts: PictureParts;

  constructor(parts: PictureParts) {
    this.#parts = parts;
  }

  /**
   * Draws the picture of a token. The same token and prompt give the same picture, and what an earlier attempt has begun at the maker
   * is awaited instead of being paid for again.
   *
   * @throws OUTSIDE_UNAVAILABLE, OUTSIDE_REFUSED
   */
  async draw(token: Token, { signal }: Pick<PictureCall, 'signal'>): Promise<Drawn> {
    const { maker, store, clock } = this.#parts;
    const { jobId, prompt, externalJobId } = await this.#begin(token);
    const picture = await maker.make(
      { prompt, seed: token.tokenId, jobId: externalJobId ?? undefined },
      { signal, onJob: (name) => this.#note(jobId, name) },
    );
    const path = await store.keep(picture);
    return { jobId, path, at: clock.now() };
  }

  /** Writes down that the work begins, before anything is paid for; a job that an attempt has left behind is taken up. */
  #begin(token: Token): Promise<Begun> {
    const { service } = this.#parts.maker;
    return this.#parts.database.work(
      async ({ authors, imageJobs }) => {
        const [{ promptText: prompt }, latest] = await Promise.all([authors.get(token.authorId), imageJobs.getLatestByToken(token.id)]);
        if (latest === null || latest.service !== service || !isOpen(latest)) {
          const { id: jobId } = imageJobs.add(new ImageGenerationJob({ tokenId: token.id, service, status: 'running' }));
          return { jobId, prompt, externalJobId: null };
        }
        const { id: jobId, externalJobId } = latest;
        if (latest.status === 'running') latest.retry();
        latest.markRunning(externalJobId);
        return { jobId, prompt, externalJobId };
      },
      { name: 'images.begin' },
    );
  }

  async #note(jobId: string, externalJobId: string): Promise<void> {
    await this.#parts.database.work(({ imageJobs }) => imageJobs.update(jobId, { externalJobId }), { name: 'images.note' });
  }
}

/** Whether a job may still give a picture. */
export function isOpen({ status }: Pick<ImageGenerationJob, 'status'>): boolean {
  return status === 'pending' || status === 'running';
}
