/** The embedded stand-in for a maker of pictures: landscapes drawn from the words of a prompt and a seed; and a folder that keeps pictures. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Clock } from 'keelson/clock';
import { refused } from '../outside.ts';
import type { Picture, PictureCall, PictureMaker, PictureRequest, PictureStore, PictureType } from './schema.ts';

/** How the stand-in draws. */
export interface LocalPicturesOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly sizePx?: number;
  /** What a picture takes at least, so that one can watch. */
  readonly waitMs?: number;
}

const SERVICE = 'The embedded maker of pictures';
/** Rows that are drawn before other work and the signal have their turn. */
const ROWS_AT_ONCE = 32;
const RIDGES = 5;

/** Draws pictures on this machine: real PNGs, the same byte for byte for the same prompt and seed. */
export class LocalPictures implements PictureMaker {
  readonly service = 'selfhosted';
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #sizePx: number;
  readonly #waitMs: number;

  constructor(options: LocalPicturesOptions) {
    this.#clock = options.clock;
    this.#sizePx = options.sizePx ?? 256;
    this.#waitMs = options.waitMs ?? 0;
  }

  async make(request: PictureRequest, call: PictureCall): Promise<Picture> {
    call.signal.throwIfAborted();
    if (this.#waitMs > 0) await this.#clock.sleep(this.#waitMs, call.signal);
    const scene = sceneOf(request, this.#sizePx);
    const data = new Uint8Array(this.#sizePx * this.#sizePx * 3);
    for (let y = 0; y < this.#sizePx; y += 1) {
      if (y % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) {
        await breathe();
        call.signal.throwIfAborted();
      }
      for (let x = 0; x < this.#sizePx; x += 1) data.set(scene.colourAt(x, y), (y * this.#sizePx + x) * 3);
    }
    // Loaded when the first picture is drawn: a process that only serves never needs it.
    const { encode } = await import('fast-png');
    const bytes = encode({ width: this.#sizePx, height: this.#sizePx, data, channels: 3, depth: 8 });
    return { bytes, mediaType: 'image/png', jobId: null };
  }
}

const extensions: Readonly<Record<PictureType, string>> = { 'image/png': 'png', 'image/webp': 'webp', 'image/jpeg': 'jpg' };

/** Keeps pictures in a folder that all processes see; a picture's name is the SHA-256 of its bytes. */
export class PictureFolder implements PictureStore {
  readonly #directory: string;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(directory: string, clock: Pick<Clock, 'now'>) {
    this.#directory = directory;
    this.#clock = clock;
  }

  async keep(picture: Picture): Promise<string> {
    const name = `${createHash('sha256').update(picture.bytes).digest('hex')}.${extensions[picture.mediaType]}`;
    await mkdir(this.#directory, { recursive: true });
    // Under another name first: whoever reads sees the whole picture or none, also when this process dies here.
    const draft = path.join(this.#directory, `${randomUUID()}.part`);
    await writeFile(draft, picture.bytes, { flush: true });
    const now = this.#clock.now();
    await utimes(draft, now, now);
    await rename(draft, path.join(this.#directory, name));
    return name;
  }

  async read(name: string): Promise<Picture> {
    const mediaType = typeOf(name);
    if (mediaType === undefined) throw refused('The folder of pictures', 'has no picture under a path that it never gave');
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path.join(this.#directory, name));
    } catch (error) {
      throw refused('The folder of pictures', `does not have ${name}`, error);
    }
    if (!name.startsWith(createHash('sha256').update(bytes).digest('hex')))
      throw refused('The folder of pictures', `has ${name} with other bytes`);
    return { bytes, mediaType, jobId: null };
  }

  async removeOlderThan(ageMs: number): Promise<number> {
    const before = this.#clock.now().getTime() - ageMs;
    let removed = 0;
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const file = path.join(this.#directory, name);
      const found = await stat(file).catch(() => undefined);
      if (found === undefined || found.mtimeMs >= before) continue;
      await rm(file, { force: true });
      removed += 1;
    }
    return removed;
  }
}

function typeOf(name: string): PictureType | undefined {
  const extension = /^[0-9a-f]{64}\.(png|webp|jpg)$/u.exec(name)?.[1];
  if (extension === 'png') return 'image/png';
  if (extension === 'webp') return 'image/webp';
  return extension === 'jpg' ? 'image/jpeg' : undefined;
}

type Colour = readonly [red: number, green: number, blue: number];

interface Scene {
  colourAt(x: number, y: number): Colour;
}

/** Words that set the colour of the whole. */
const hues: readonly (readonly [words: RegExp, hue: number])[] = [
  [/\b(?:red|crimson|fire|rose)\b/iu, 0],
  [/\b(?:orange|autumn|desert|sunset)\b/iu, 28],
  [/\b(?:yellow|gold|golden|sand)\b/iu, 48],
  [/\b(?:green|forest|jungle|moss)\b/iu, 125],
  [/\b(?:teal|cyan|turquoise|ice)\b/iu, 182],
  [/\b(?:blue|sea|ocean|sky|rain)\b/iu, 215],
  [/\b(?:purple|violet|neon|cyberpunk)\b/iu, 275],
  [/\b(?:pink|magenta|blossom|dream)\b/iu, 325],
];

/** What the words of the prompt and the numbers of the seed make of a landscape: sky, sun or moon, ridges, water, stars, houses. */
function sceneOf(request: PictureRequest, sizePx: number): Scene {
  if (!Number.isSafeInteger(request.seed) || request.seed < 0)
    throw refused(SERVICE, `takes whole numbers from 0 as seed, not ${String(request.seed)}`);
  const digest = createHash('sha256')
    .update(`${String(request.seed)}\0${request.prompt}`)
    .digest();
  const salt = digest.readInt32BE(0);
  const part = (index: number): number => (digest[index] ?? 0) / 255;
  const hue = hues.find(([words]) => words.test(request.prompt))?.[1] ?? Math.floor(part(4) * 360);
  const isNight = /\b(?:night|dark|star|stars|space|galaxy|moon|neon|cyberpunk)\b/iu.test(request.prompt) || part(5) > 0.8;
  const isCity = /\b(?:city|town|street|tower|towers|skyline|cyberpunk)\b/iu.test(request.prompt);
  const hasWater = /\b(?:sea|ocean|water|wave|waves|lake|river|island|ship)\b/iu.test(request.prompt) || part(6) > 0.75;
  const near = colourOf(hue + 20, 0.6, 0.12);
  const far = colourOf(hue - 15, 0.45, isNight ? 0.3 : 0.62);
  const top = colourOf(hue + 30 * part(7), 0.65, isNight ? 0.07 : 0.55);
  const low = colourOf(hue + 60 + 60 * part(8), 0.8, isNight ? 0.28 : 0.8);
  const disc = {
    x: 0.15 + 0.7 * part(9),
    y: 0.12 + 0.3 * part(10),
    radius: 0.05 + 0.08 * part(11),
    colour: colourOf(hue + 180 * part(12), 0.9, 0.88),
  };
  const shore = hasWater ? 0.72 : 2;
  const ridges = ridgesOf({ sizePx, salt, isCity });
  const colourAbove = (x: number, y: number, column: number): Colour => {
    for (let index = RIDGES - 1; index >= 0; index -= 1) {
      if (y > (ridges[index]?.[column] ?? 1)) return mix(far, near, (index + noise(x * 40, y * 40, salt + index) * 0.5) / RIDGES);
    }
    const sky = mix(top, low, y * 0.9 + (cloud(x, y, salt) - 0.5) * 0.5);
    const away = Math.sqrt((x - disc.x) ** 2 + (y - disc.y) ** 2);
    if (away < disc.radius) return disc.colour;
    if (isNight && grain(Math.floor(x * sizePx), Math.floor(y * sizePx), salt) > 0.997) return [255, 255, 255];
    return mix(disc.colour, sky, Math.min(1, 0.55 + (away - disc.radius) * 1.8));
  };
  return {
    colourAt: (column, row) => {
      const [x, y] = [column / sizePx, row / sizePx];
      if (y < shore) return colourAbove(x, y, column);
      const ripple = noise(x * 9, y * 130, salt) - 0.5;
      const mirrored = Math.min(sizePx - 1, Math.max(0, Math.floor(column + ripple * sizePx * 0.05)));
      return mix(colourAbove(mirrored / sizePx, shore - (y - shore) * 1.6 - 0.001, mirrored), top, 0.25 + 0.3 * Math.abs(ripple));
    },
  };
}

/** The height of each ridge over each column, from the far to the near; 0 is the top of the picture. */
function ridgesOf(shape: { readonly sizePx: number; readonly salt: number; readonly isCity: boolean }): readonly Float64Array[] {
  return Array.from({ length: RIDGES }, (_, index) => {
    const heights = new Float64Array(shape.sizePx);
    for (let column = 0; column < shape.sizePx; column += 1) {
      const x = column / shape.sizePx;
      const across = shape.isCity ? Math.floor(x * (34 - index * 5)) : x * (7 - index);
      const rise = shape.isCity ? grain(across, index, shape.salt) : cloud(across / 4, index, shape.salt);
      heights[column] = 0.46 + index * 0.11 - (rise - 0.35) * (0.42 - index * 0.05);
    }
    return heights;
  });
}

// Only sums, products and square roots of doubles follow, which IEEE 754 fixes to the last bit: sines would differ from machine to machine.

/** A number from 0 to 1 for a place of a grid. */
function grain(x: number, y: number, salt: number): number {
  let bits = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(salt, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 4_294_967_295;
}

/** Smooth noise: between the corners of a grid. */
function noise(x: number, y: number, salt: number): number {
  const [left, above] = [Math.floor(x), Math.floor(y)];
  const [across, down] = [ease(x - left), ease(y - above)];
  const upper = between(grain(left, above, salt), grain(left + 1, above, salt), across);
  const lower = between(grain(left, above + 1, salt), grain(left + 1, above + 1, salt), across);
  return between(upper, lower, down);
}

/** Noise of three sizes, one upon the other. */
function cloud(x: number, y: number, salt: number): number {
  return noise(x * 4, y * 8, salt) * 0.55 + noise(x * 9, y * 18, salt + 1) * 0.3 + noise(x * 21, y * 40, salt + 2) * 0.15;
}

function ease(share: number): number {
  return share * share * (3 - 2 * share);
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const part = Math.min(1, Math.max(0, share));
  return [between(from[0], to[0], part), between(from[1], to[1], part), between(from[2], to[2], part)];
}

/** A colour by hue (degrees), saturation and lightness. @see https://www.w3.org/TR/css-color-3/#hsl-color */
function colourOf(hue: number, saturation: number, lightness: number): Colour {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): number => {
    const place = (offset + hue / 30 + 24) % 12;
    return 255 * (lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}
