/** What a maker of pictures takes and gives. */

/** The picture that is asked for. */
export interface PictureRequest {
  readonly prompt: string;
  /** A whole number from 0 to 2³² − 1; the same prompt and seed ask for the same picture. */
  readonly seed: number;
  /** The job that an earlier attempt began, where it is known: it is awaited instead of beginning another. */
  readonly jobId?: string | undefined;
}

/** A call to a maker of pictures. */
export interface PictureCall {
  /** Ends the work; the call then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told the job's name at the service as soon as it is known, so that it can be written down. */
  readonly onJob?: ((jobId: string) => void | Promise<void>) | undefined;
}

/** The kinds of picture that are taken. */
export type PictureType = 'image/png' | 'image/webp' | 'image/jpeg';

/** A picture that was made. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly mediaType: PictureType;
  /** The job at the service; null where it has none. */
  readonly jobId: string | null;
}

/** Makes pictures. */
export interface PictureMaker {
  /** As `image_generation_jobs.service` names it. */
  readonly service: 'replicate' | 'selfhosted';
  /**
   * Makes one picture from a prompt and a seed.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes: time-outs, 429, 5xx, half an answer
   * @throws OUTSIDE_REFUSED what another attempt does not heal: a prompt that is refused, a key that is wrong
   */
  make(request: PictureRequest, call: PictureCall): Promise<Picture>;
}

/** Keeps pictures between their making and their upload. */
export interface PictureStore {
  /** Keeps a picture and gives the path that `read` takes; the same picture has the same path. */
  keep(picture: Picture): Promise<string>;
  /**
   * Gives a picture back.
   *
   * @throws OUTSIDE_REFUSED when nothing is kept under this path
   */
  read(path: string): Promise<Picture>;
  /**
   * Forgets the pictures that were last kept longer ago than this, and says how many: they go by age, not one by one after
   * their upload, since two tokens may have the same picture.
   */
  removeOlderThan(ageMs: number): Promise<number>;
}
