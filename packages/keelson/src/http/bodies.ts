/** Bodies: JSON and forms as they arrive, refused where they are not what they claim to be. */
import { isUtf8 } from 'node:buffer';
import { parse as parseQuery } from 'node:querystring';
import type { FastifyInstance } from 'fastify';
import { KeelsonError } from '../errors.ts';
import { DEPTH_MAX, KEYS_MAX } from './limits.ts';
import { parseTexts, type Texts } from './wire/text-values.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Members of all objects of a body together, where a route takes more of them than others. */
    readonly keysMax?: number;
  }
}

const FIELDS_MAX = 200;

/** A form as it was sent: fields of text. */
export class FormBody {
  readonly fields: Texts;

  constructor(fields: Texts) {
    this.fields = fields;
  }
}

/** Reads `application/json`, strictly. */
export function acceptJson(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      done(null, readJson(decode(bytes), request.routeOptions.config.keysMax ?? KEYS_MAX));
    } catch (error) {
      done(parseError(error), undefined);
    }
  });
}

/** Reads `application/x-www-form-urlencoded`, for the routes of this server or scope. */
export function acceptForms(scope: FastifyInstance): void {
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      done(null, new FormBody(readForm(decode(bytes))));
    } catch (error) {
      done(parseError(error), undefined);
    }
  });
}

/** Keeps JSON bodies as the bytes that were sent, for the routes of this server or scope: what is signed is signed over them. */
export function keepBytes(scope: FastifyInstance, bytesMax: number): void {
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: bytesMax }, (_request, bytes, done) => done(null, bytes));
}

/**
 * Reads JSON text. Where a key is there twice the last one holds, as everywhere in JavaScript.
 *
 * @throws MALFORMED_REQUEST for what is no JSON, for NUL characters and broken surrogates, for names of the prototype, and for
 * what is nested too deeply or has too many keys
 */
function readJson(text: string, keysMax: number): unknown {
  if (text === '') throw malformed('The body is empty.');
  if (text.length > 2 * DEPTH_MAX) refuseSize(text, keysMax);
  const value = parseJson(text);
  // Few bodies have any of it, and the text is searched faster than the value is walked.
  if (SUSPICIOUS.test(text)) refuseUnwelcome(value);
  return value;
}

/** What only an escape can bring, or an attack: NUL, halves of surrogate pairs, escaped ASCII, names of the prototype. */
const SUSPICIOUS = /\\u(?:00|[dD][89a-fA-F])|__proto__|constructor|prototype/u;
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw malformed('The body is not JSON.', error);
  }
}

function readForm(text: string): Texts {
  refuseBrokenEscapes(text);
  return parseTexts(parseQuery(text, '&', '=', { maxKeys: FIELDS_MAX }));
}

/**
 * Refuses percent-escapes that do not make UTF-8; parsers of queries would let them pass as they are.
 *
 * @throws MALFORMED_REQUEST
 */
export function refuseBrokenEscapes(text: string): void {
  if (!/%[89a-fA-F]/u.test(text)) return;
  try {
    decodeURIComponent(text.replaceAll('+', ' ').replaceAll(/%(?![0-9a-fA-F]{2})/gu, '%25'));
  } catch (error) {
    throw malformed('The text is not UTF-8.', error);
  }
}

function decode(bytes: string | Buffer): string {
  if (typeof bytes === 'string') return bytes;
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8.');
  return bytes.toString('utf8');
}

/** PostgreSQL stores neither NUL nor half of a pair; a name of the prototype has no good use, and one bad. */
function refuseUnwelcome(root: unknown): void {
  const waiting: unknown[] = [root];
  for (let value = waiting.pop(); waiting.length > 0 || value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string') refuseText(value);
    else if (Array.isArray(value)) for (const item of value) waiting.push(item);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        refuseText(key);
        if (PROTOTYPE_NAMES.has(key)) throw malformed(`A field may not be named ${key}.`);
        waiting.push(item);
      }
    }
  }
}

function refuseText(text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) throw malformed('The body holds a NUL character or half of a surrogate pair.');
}

/** Counts levels and keys in the text: what is too much is never made into objects. */
function refuseSize(text: string, keysMax: number): void {
  let depth = 0;
  let keys = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isInText = !isInText;
    else if (code === BACKSLASH) at += 1;
    else if (isInText) continue;
    else if (code === COLON) {
      keys += 1;
      if (keys > keysMax) throw malformed(`The body has more than ${keysMax} keys.`);
    } else if (code === BRACE || code === BRACKET) {
      depth += 1;
      if (depth > DEPTH_MAX) throw malformed(`The body is nested more than ${DEPTH_MAX} levels deep.`);
    } else if (code === BRACE_END || code === BRACKET_END) depth -= 1;
  }
}

const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACKET = 0x5b;
const BRACE_END = 0x7d;
const BRACKET_END = 0x5d;

function malformed(message: string, cause?: unknown): KeelsonError {
  return new KeelsonError('MALFORMED_REQUEST', { message, cause });
}

/** What is caught here was thrown above, or by the engine: an error in either case. */
function parseError(error: unknown): Error {
  return error as Error;
}
