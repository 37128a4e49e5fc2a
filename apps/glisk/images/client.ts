/** Replicate: pictures by a model that runs there, over its HTTP API. */
import type { Clock } from 'keelson/clock';
import { isKeelsonError } from 'keelson/errors';
import * as Type from 'typebox';
import { callOutside, type OutsideAnswer, parseAnswer, refused, unavailable } from '../outside.ts';
import type { Picture, PictureCall, PictureMaker, PictureRequest, PictureType } from './schema.ts';

/** How Replicate is reached. */
export interface ReplicateOptions {
  readonly apiToken: string;
  readonly clock: Pick<Clock, 'sleep'>;
  /** `owner/name`, or `owner/name:version` for a model that is not kept ready. */
  readonly model?: string;
  readonly url?: string;
  /** Who may hand out pictures: a host, or a domain with all below it when it begins with a dot. */
  readonly pictureHosts?: readonly string[];
  readonly pollMs?: number;
  /** For each call, not for the picture as a whole: its limit is the signal's. */
  readonly timeoutMs?: number;
}

const SERVICE = 'Replicate';
const ANSWER_MAX_BYTES = 1_048_576;
const PICTURE_MAX_BYTES = 33_554_432;
const CANCEL_MS = 2_000;
/** How long Replicate holds the first answer back in case that the picture is made by then. */
const HOLD_S = 5;

const prediction = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  status: Type.String(),
  output: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Unknown()),
});
type Prediction = Type.Static<typeof prediction>;

/** Makes pictures at Replicate. @see https://replicate.com/docs/reference/http */
export class ReplicatePictures implements PictureMaker {
  readonly service = 'replicate';
  readonly #options: Required<ReplicateOptions>;

  constructor(options: ReplicateOptions) {
    this.#options = {
      model: 'black-forest-labs/flux-schnell',
      url: 'https://api.replicate.com',
      pictureHosts: ['replicate.delivery', '.replicate.delivery'],
      pollMs: 1_000,
      timeoutMs: 30_000,
      ...options,
    };
  }

  async make(request: PictureRequest, call: PictureCall): Promise<Picture> {
    const earlier = await this.#resume(request, call);
    return earlier ?? this.#finish(await this.#begin(request, call), call.signal);
  }

  /** The picture of the job that an earlier attempt began; undefined when it is gone, as it is an hour after it was made. */
  async #resume(request: PictureRequest, call: PictureCall): Promise<Picture | undefined> {
    if (request.jobId === undefined || !/^[A-Za-z0-9_-]{1,64}$/u.test(request.jobId)) return undefined;
    try {
      const found = await this.#look(request.jobId, call.signal);
      const canStill = isWorking(found) || (found.status === 'succeeded' && pictureAddress(found) !== null);
      return canStill ? await this.#finish(found, call.signal) : undefined;
    } catch (error) {
      const status = isKeelsonError(error, 'OUTSIDE_REFUSED') ? error.data?.['status'] : undefined;
      if (status === 403 || status === 404 || status === 410) return undefined;
      throw error;
    }
  }

  async #finish(begun: Prediction, signal: AbortSignal): Promise<Picture> {
    const done = await this.#settle(begun, signal);
    const url = pictureAddress(done);
    if (url === null) throw unavailable(SERVICE, `ended the job ${done.id} without a picture`);
    return { ...(await this.#download(url, signal)), jobId: done.id };
  }

  async #begin(request: PictureRequest, call: PictureCall): Promise<Prediction> {
    const [model, version] = this.#options.model.split(':');
    const path = version === undefined ? `/v1/models/${model ?? ''}/predictions` : '/v1/predictions';
    const input = { prompt: request.prompt, seed: request.seed, num_outputs: 1, output_format: 'png' };
    const body = JSON.stringify(version === undefined ? { input } : { version: this.#options.model, input });
    const answer = await this.#call(path, call.signal, {
      body,
      headers: { 'content-type': 'application/json', prefer: `wait=${String(HOLD_S)}` },
    });
    const begun = parseAnswer(SERVICE, prediction, answer.bytes);
    await call.onJob?.(begun.id);
    return begun;
  }

  /** Waits for the end of a job; one that nobody waits for any more is cancelled, so that nobody pays for it. */
  async #settle(begun: Prediction, signal: AbortSignal): Promise<Prediction> {
    let found = begun;
    try {
      while (isWorking(found)) {
        await this.#options.clock.sleep(this.#options.pollMs, signal);
        found = await this.#look(found.id, signal);
      }
    } catch (error) {
      if (signal.aborted) await this.#cancel(found.id);
      throw error;
    }
    if (found.status === 'succeeded') return found;
    const reason = typeof found.error === 'string' ? `: ${found.error.slice(0, 200)}` : '';
    if (/nsfw|sensitive|safety|flagged/iu.test(reason)) throw refused(SERVICE, `would not draw this prompt${reason}`);
    throw unavailable(SERVICE, `ended the job ${found.id} as ${found.status.slice(0, 20)}${reason}`);
  }

  async #look(id: string, signal: AbortSignal): Promise<Prediction> {
    const answer = await this.#call(`/v1/predictions/${id}`, signal);
    return parseAnswer(SERVICE, prediction, answer.bytes);
  }

  async #cancel(id: string): Promise<void> {
    try {
      await this.#call(`/v1/predictions/${id}/cancel`, new AbortController().signal, { body: '', timeoutMs: CANCEL_MS });
    } catch {
      // The job ends by itself; what is told to the caller is why it gave up, not that nobody listened.
    }
  }

  async #call(
    path: string,
    signal: AbortSignal,
    more: { readonly body?: string; readonly headers?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
  ): Promise<OutsideAnswer> {
    return callOutside({
      service: SERVICE,
      url: new URL(path, this.#options.url),
      method: more.body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${this.#options.apiToken}`, ...more.headers },
      ...(more.body === undefined ? {} : { body: more.body }),
      signal,
      timeoutMs: more.timeoutMs ?? this.#options.timeoutMs,
      sizeMaxBytes: ANSWER_MAX_BYTES,
    });
  }

  /** Fetches a picture, without the key, and only from where Replicate keeps them. */
  async #download(url: URL, signal: AbortSignal): Promise<Omit<Picture, 'jobId'>> {
    const own = url.origin === new URL(this.#options.url).origin;
    const known = this.#options.pictureHosts.some((host) => (host.startsWith('.') ? url.hostname.endsWith(host) : url.hostname === host));
    if (!own && !(known && url.protocol === 'https:'))
      throw refused(SERVICE, `named a picture at ${url.host}, which is not one of its hosts`);
    const { timeoutMs } = this.#options;
    const { bytes } = await callOutside({ service: SERVICE, url, signal, timeoutMs, sizeMaxBytes: PICTURE_MAX_BYTES });
    const mediaType = pictureType(bytes);
    if (mediaType === undefined) throw unavailable(SERVICE, 'handed out what is no PNG, WebP or JPEG');
    return { bytes, mediaType };
  }
}

function isWorking(found: Prediction): boolean {
  return found.status === 'starting' || found.status === 'processing';
}

/** The first picture of an output: an address, or a list of them; null when there is none. */
function pictureAddress(done: Prediction): URL | null {
  const first: unknown = Array.isArray(done.output) ? done.output[0] : done.output;
  return typeof first === 'string' ? URL.parse(first) : null;
}

/** What the first bytes say, whatever a header says. */
function pictureType(bytes: Uint8Array): PictureType | undefined {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (head.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png';
  if (head.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  return head.startsWith('RIFF') && head.slice(8) === 'WEBP' ? 'image/webp' : undefined;
}
