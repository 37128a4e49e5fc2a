/** Secrets: which could be guessed, how they are shown, and the one that development makes for itself. */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors.ts';
import { mask, redactText } from '../redact.ts';

const lengthMinBytes = 32;
/** Low enough that of a million random keys of 32 hexadecimal digits (which can show 128 bits at most) none is refused. */
const entropyMinBits = 75;

/** Words of at least six letters, so that a random text does not happen to hold one. */
const placeholders =
  /change[\s_-]?(?:me|this|it)|place[\s_-]?holder|replace[\s_-]?(?:me|this|with)|your[\s_-]?(?:own|very|super|secret|random|strong|key|jwt)|example|insecure|default|(?:my|top|super|not[\s_-]?a|dev|development|test|local)[\s_-]?secret|secret[\s_-]?key|password|letmein|qwerty|^<.*>$|\$\{/i;

/** Why a secret is not one, in words that do not repeat it; `undefined` when it is good. */
export function secretWeakness(secret: string): string | undefined {
  if (placeholders.test(secret)) return 'it is a placeholder or a word that everybody tries first';
  const bytes = Buffer.byteLength(secret);
  if (bytes < lengthMinBytes) return `it is shorter than ${lengthMinBytes} bytes`;
  if (entropyBits(secret) < entropyMinBits) return 'it repeats itself too much to be random';
  return undefined;
}

/** At most how many bits a text holds, by its characters, its repetitions and its runs (`abcd`, `4321`). */
export function entropyBits(text: string): number {
  const once = text.slice(0, period(text));
  const counts = new Map<string, number>();
  for (const character of once) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bitsPerCharacter = 0;
  for (const count of counts.values()) bitsPerCharacter -= (count / once.length) * Math.log2(count / once.length);
  return bitsPerCharacter * once.length * (1 - inRuns(once));
}

/** The length of the shortest piece that, repeated, gives the text. */
function period(text: string): number {
  const border: number[] = [0];
  let length = 0;
  for (let at = 1; at < text.length; at += 1) {
    while (length > 0 && text[at] !== text[length]) length = border[length - 1] ?? 0;
    if (text[at] === text[length]) length += 1;
    border.push(length);
  }
  return Math.max(1, text.length - length);
}

/** The share of characters that go on as the two before them did: up by one, down by one, or the same. */
function inRuns(text: string): number {
  let going = 0;
  for (let at = 2; at < text.length; at += 1) {
    const step = text.charCodeAt(at) - text.charCodeAt(at - 1);
    if (Math.abs(step) <= 1 && step === text.charCodeAt(at - 1) - text.charCodeAt(at - 2)) going += 1;
  }
  return text.length === 0 ? 0 : going / text.length;
}

/** A secret as it is shown: whether it is long enough, nothing else. */
export function maskSecret(secret: string): string {
  return Buffer.byteLength(secret) < lengthMinBytes
    ? `${mask} (under ${lengthMinBytes} bytes)`
    : `${mask} (${lengthMinBytes} bytes or more)`;
}

/** A URL without its password and without the secrets in its query. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return mask;
  const url = new URL(text);
  const http = url.protocol === 'http:' || url.protocol === 'https:';
  const user = http && url.password === '' && url.username !== '' ? mask : url.username;
  const password = url.password === '' ? '' : `:${mask}`;
  const at = user === '' && password === '' ? '' : '@';
  return `${url.protocol}//${user}${password}${at}${url.host}${redactText(url.pathname + url.search)}`;
}

/**
 * The secret of a development machine: made once and kept in `<directory>/.keelson/secret-key`, readable by its owner alone.
 *
 * @throws CONFIG_INVALID when the file cannot be written, or what is in it is not a secret.
 */
export async function developmentSecret(directory: string): Promise<string> {
  const folder = join(directory, '.keelson');
  const file = join(folder, 'secret-key');
  try {
    const kept = (await readIfThere(file)) ?? (await keep(folder, file));
    if (secretWeakness(kept) !== undefined) throw unusable(file, 'has no good secret in it', 'Delete it; the next start makes another.');
    return kept;
  } catch (error) {
    if (error instanceof KeelsonError) throw error;
    throw unusable(file, 'cannot be read or written', 'Make the folder writable, or set SECRET_KEY.', error);
  }
}

function unusable(file: string, problem: string, hint: string, cause?: unknown): KeelsonError {
  return new KeelsonError('CONFIG_INVALID', { message: `${file}, which keeps the development SECRET_KEY, ${problem}.`, hint, cause });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { mode } = await handle.stat();
      if ((mode & 0o077) !== 0) await chmod(file, 0o600);
      return (await handle.readFile('utf8')).trim();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Written beside and linked into place: of two starts at once both get the same secret, and nobody reads half of one. */
async function keep(folder: string, file: string): Promise<string> {
  const made = randomBytes(48).toString('base64url');
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  await mkdir(folder, { recursive: true });
  await writeFile(beside, `${made}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(beside, file);
    return made;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return (await readFile(file, 'utf8')).trim();
    throw error;
  } finally {
    await unlink(beside);
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
