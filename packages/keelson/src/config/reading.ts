/** Texts read as values: each reader gives the value, or says what is wrong and what to write instead. */

import { redactText } from '../redact.ts';

/** What is wrong with a text and what to do next. */
export interface Finding {
  readonly problem: string;
  readonly hint: string;
}

/** A value, or what is wrong. */
export type Reading<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Finding);

/** A successful reading. */
export function good<T>(value: T): Reading<T> {
  return { ok: true, value };
}

/** A failed reading. */
export function bad(problem: string, hint: string): { readonly ok: false } & Finding {
  return { ok: false, problem, hint };
}

const shownMax = 60;

/** A text as problems show it: quoted, not too long, and without a password that was pasted into the wrong setting. */
export function shown(text: string): string {
  const safe = redactText(text);
  const short = safe.length > shownMax ? `${safe.slice(0, shownMax)}…` : safe;
  return `'${short.replaceAll(/\p{Cc}/gu, '?')}'`;
}

/** The limits of a number. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Reads a whole number within limits; nothing else that JavaScript takes for a number (`''`, `1e3`, `0x10`). */
export function readInteger(text: string, range: Range): Reading<number> {
  const hint = `Write a whole number from ${range.min} to ${range.max}, without a unit.`;
  if (!/^[+-]?\d{1,15}$/.test(text)) return bad(`${shown(text)} is not a whole number`, hint);
  const value = Number(text);
  if (value < range.min) return bad(`${text} is less than ${range.min}`, hint);
  if (value > range.max) return bad(`${text} is more than ${range.max}`, hint);
  return good(value);
}

const yes = new Set(['true', '1', 'yes', 'on']);
const no = new Set(['false', '0', 'no', 'off']);

/** Reads a switch in any of its usual spellings. */
export function readFlag(text: string): Reading<boolean> {
  const word = text.toLowerCase();
  if (yes.has(word)) return good(true);
  if (no.has(word)) return good(false);
  return bad(`${shown(text)} is neither on nor off`, 'Write true or false.');
}

/** Reads one of a few words, in any case. */
export function readChoice<V extends string>(text: string, values: readonly V[]): Reading<V> {
  const found = values.find((value) => value.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return good(found);
  const near = nearChoice(text, values);
  const guess = near === undefined ? '' : ` Did you mean ${near}?`;
  return bad(`${shown(text)} is not one of ${values.join(', ')}`, `Write one of ${values.join(', ')}.${guess}`);
}

/** The choice that is probably meant: `prod` is `production`, `warning` is `warn`. */
export function nearChoice<V extends string>(text: string, values: readonly V[]): V | undefined {
  const word = text.toLowerCase();
  if (word.length < 3) return undefined;
  return values.find((value) => value.toLowerCase().startsWith(word) || word.startsWith(value.toLowerCase()));
}

/** Reads a text of a bounded length without control characters. */
export function readText(text: string, lengthMax: number): Reading<string> {
  if (text.length > lengthMax) return bad(`it is ${text.length} characters long`, `Write at most ${lengthMax} characters.`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return bad('it has control characters', 'Write it as plain text.');
  return good(text);
}

/** Reads the address that a server listens on: a host name or an IP address, nothing around it. */
export function readHost(text: string): Reading<string> {
  const hint = 'Write a host name or an IP address alone, like 127.0.0.1, and the port as PORT.';
  if (!/^[a-z0-9._:%-]{1,253}$/i.test(text)) return bad(`${shown(text)} is not a host`, hint);
  if (/^[^:]*:\d+$/.test(text)) return bad(`${shown(text)} names a port too`, hint);
  return good(text);
}

/** Reads an origin exactly as a browser sends it, or `*`. */
export function readOrigin(text: string): Reading<string> {
  if (text === '*') return good(text);
  const hint = 'Write scheme, host and port alone, like https://app.example.com or http://localhost:3000.';
  if (/^["'[\]]|["'[\]]$/.test(text) && !text.includes('[::'))
    return bad(`${shown(text)} has brackets or quotes`, `Write origins with commas between. ${hint}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return bad(`${shown(text)} is not an origin`, hint);
  if (url.username !== '' || url.password !== '') return bad('an origin has no user and no password', hint);
  if (url.origin !== text) return bad(`${shown(text)} is not exactly an origin`, `Write it as ${url.origin}.`);
  return good(text);
}

/** Reads an HTTP address. */
export function readUrl(text: string): Reading<string> {
  const hint = 'Write it like https://example.com/path.';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '') return bad('it is not a URL', hint);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return bad(`it begins with ${url.protocol}`, hint);
  return good(text);
}

const databaseHint = 'Write it as postgresql://user:password@host:5432/database.';

/**
 * Reads a database URL; the forms of Python's drivers (`postgresql+asyncpg://`) become plain `postgresql://`.
 * What is wrong is told without the text: there is a password in it.
 */
export function readDatabaseUrl(text: string): Reading<string> {
  const scheme = /^(postgres(?:ql)?)(?:\+(?:asyncpg|psycopg|psycopg2|psycopg_async|pg8000))?:\/\//i.exec(text);
  if (scheme === null) return bad('it does not begin with postgresql://', databaseHint);
  const plain = `postgresql://${text.slice(scheme[0].length)}`;
  const escape = 'Percent-encode what is not a letter or digit in the password: @ is %40, # is %23, / is %2F, % is %25.';
  if (!URL.canParse(plain)) return bad('it is not a URL', `${databaseHint} ${escape}`);
  const url = new URL(plain);
  if (url.hash !== '') return bad('it has a # in it, which ends a URL', escape);
  if (/\s/.test(plain)) return bad('it has a space in it', `${databaseHint} ${escape}`);
  if (url.hostname === '' && !url.searchParams.has('host')) return bad('it names no host', databaseHint);
  for (const part of [url.username, url.password, url.pathname]) {
    if (!decodes(part)) return bad('it has a % that begins no percent-encoded character', escape);
  }
  if (url.username === '' && plain.includes('@')) return bad('it has an @, but not before the host', escape);
  if (url.pathname.slice(1).includes('/')) return bad('its path has more than a database name', `${databaseHint} ${escape}`);
  return good(plain);
}

function decodes(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text);
}
