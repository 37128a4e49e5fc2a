/** Values as PostgreSQL reads them: every parameter is made text here, before the first byte of a statement leaves. */
import { KeelsonError } from '../errors.ts';

/** A parameter on its way to the server. */
export type Encoded = string | Buffer | null;

/** What has to be escaped inside an array literal; most texts have none of it. */
const SPECIAL = /["\\]/u;

/** How deep arrays may nest; PostgreSQL itself stops at six. */
const ARRAY_DEPTH_MAX = 6;

/**
 * A parameter of a free statement as text; `Date` as RFC 3339 in UTC, arrays as array literals, other objects as JSON.
 *
 * @throws MISUSE for what no column can hold: undefined, functions, invalid dates, numbers that are not finite in JSON
 * @throws VALIDATION_ERROR for text that PostgreSQL cannot store: NUL characters, lone surrogates
 */
export function encode(value: unknown): Encoded {
  switch (typeof value) {
    case 'string':
      return encodeText(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      if (value === null || Buffer.isBuffer(value)) return value;
      if (value instanceof Date) return encodeTime(value);
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return Array.isArray(value) ? encodeArray(value, encode) : encodeJson(value);
    default:
      throw new KeelsonError('MISUSE', { message: `A parameter of a statement is ${typeof value}; use null for no value.` });
  }
}

/** Text, refused where PostgreSQL would refuse it or silently store something else. */
export function encodeText(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new KeelsonError('VALIDATION_ERROR', { message: 'A text has a NUL character or half a surrogate pair, which cannot be stored.' });
  }
  return text;
}

/** A moment, as RFC 3339 in UTC with milliseconds. */
export function encodeTime(time: Date): string {
  if (Number.isNaN(time.getTime())) throw new KeelsonError('MISUSE', { message: 'A time is an invalid Date.' });
  return time.toISOString();
}

/** Any JSON value as JSON text. */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new KeelsonError('MISUSE', { message: 'A value cannot be written as JSON.', cause });
  }
  if (text === undefined) throw new KeelsonError('MISUSE', { message: `A ${typeof value} cannot be written as JSON.` });
  // Escapes are how JSON.stringify writes both; PostgreSQL refuses them in jsonb.
  if (text.includes('\\u')) encodeText(unescaped(text));
  return text;
}

/** An array as PostgreSQL's array literal, each element by `element`. */
export function encodeArray(values: readonly unknown[], element: (value: unknown) => Encoded, depth = 1): string {
  if (depth > ARRAY_DEPTH_MAX) throw new KeelsonError('MISUSE', { message: `An array nests deeper than ${ARRAY_DEPTH_MAX} levels.` });
  const items = values.map((value) => {
    if (Array.isArray(value)) return encodeArray(value, element, depth + 1);
    const encoded = value === undefined ? null : element(value);
    if (encoded === null) return 'NULL';
    const text = typeof encoded === 'string' ? encoded : `\\x${encoded.toString('hex')}`;
    return SPECIAL.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`;
  });
  return `{${items.join(',')}}`;
}

function unescaped(json: string): string {
  return json.replaceAll(/\\(?:u([0-9a-fA-F]{4})|.)/gsu, (whole, code: string | undefined) =>
    code === undefined ? whole : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
