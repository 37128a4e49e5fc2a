/** Makes any value safe to write down: secrets masked by key and by pattern, sizes bounded, errors and circles turned into plain data. */

/** What stands where a secret stood. */
export const mask = '••••';

/** A plain copy that any JSON writer takes. */
export type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [key: string]: Plain };

const depthMax = 8;
const keysMax = 64;
const itemsMax = 64;
const nodesMax = 2_000;
const textMax = 4_096;
const roomMax = 65_536;
const keyTextMax = 128;
const causesMax = 8;

const alwaysSecret =
  /passw|passphrase|passcode|secret|authorization|cookie|credential|privatekey|signingkey|encryptionkey|apikey|accesskey|bearer/;
const secretWords = new Set(['pw', 'pwd', 'pass', 'jwt', 'otp', 'totp', 'csrf', 'xsrf']);
/** `token_id`, `tokenStatus`: about a token, not the token. */
const aboutWords = new Set(
  'id ids uri type status state count counts total max min name version epoch length size kind age ms seconds minutes days at expires'.split(
    ' ',
  ),
);

/**
 * Whether what stands under this key is a secret, whatever its value.
 *
 * @example
 * import { createLog } from 'keelson/log';
 * createLog({ level: 'info', format: 'json' }).info('user.seen', { password: 'never written' });
 */
export function isSecretKey(key: string): boolean {
  const short = key.slice(0, keyTextMax);
  const known = keyAnswers.get(short);
  if (known !== undefined) return known;
  const answer = judgeKey(short);
  if (keyAnswers.size < keyAnswersMax) keyAnswers.set(short, answer);
  return answer;
}

const keyAnswersMax = 2_000;
const keyAnswers = new Map<string, boolean>();

function judgeKey(key: string): boolean {
  const words = key
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, ' ')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  if (alwaysSecret.test(words.join(''))) return true;
  if (words.some((word) => secretWords.has(word))) return true;
  return words.some((word) => /tokens?$/.test(word)) && !aboutWords.has(words.at(-1) ?? '');
}

/** A quick look: a text without any of these has nothing to mask. */
const worthALook = /eyJ|:\/\/|bearer|basic|token|secret|pass|pwd|api[_-]?key|cookie|authorization|private key/i;

const patterns: readonly (readonly [RegExp, string])[] = [
  // A key file.
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g, mask],
  // A JSON Web Token or another of its family (JWS, JWE), whole or cut.
  [/\beyJ[\w-]{4,}(?:\.[\w-]*){1,4}/g, mask],
  // The password of a database URL, even one with characters that should have been percent-encoded.
  [/\b(postgres(?:ql)?(?:\+[a-z0-9]{1,12})?:\/\/[^\s:@/?#]{0,200}:)\S*@/gi, `$1${mask}@`],
  // The password of any other URL, and a bare token in its place.
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/?#]{0,200}:)[^\s@/]+@/gi, `$1${mask}@`],
  [/\b(https?:\/\/)[^\s:@/?#]{1,400}@/gi, `$1${mask}@`],
  // Authorization headers.
  [/\b(bearer)\s+[\w.~+/=-]{8,}/gi, `$1 ${mask}`],
  [/\b(basic)\s+(?=\S{0,400}[A-Z0-9=])[A-Za-z0-9+/=_-]{8,}/gi, `$1 ${mask}`],
  [/\b((?:(?:set-)?cookie|(?:proxy-)?authorization|x-api-key)\s{0,8}:\s{0,8})[^\r\n]+/gi, `$1${mask}`],
  // `password=…`, `?access_token=…`, `"secret": "…"`.
  [/((?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key)[\w-]{0,20}=)(?:'[^']*'|"[^"]*"|[^\s"'&,;)}\]]+)/gi, `$1${mask}`],
  [
    /((?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|authorization|cookie)[\w-]{0,20}\\?["']\s{0,8}:\s{0,8})(?:\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',}\]]+)/gi,
    `$1"${mask}"`,
  ],
];

/** A text with the secrets in it masked and its length bounded. */
export function redactText(text: string): string {
  if (text.length < 8) return text;
  let safe = text.length > textMax * 2 ? cutAtSpace(text, textMax * 2) : text;
  if (worthALook.test(safe)) for (const [pattern, replacement] of patterns) safe = safe.replaceAll(pattern, replacement);
  return safe.length > textMax || safe.length < text.length - textMax ? `${safe.slice(0, textMax)}… (${text.length} characters)` : safe;
}

/** Cuts before a word, so that no secret is cut in two and passes unseen. */
function cutAtSpace(text: string, lengthMax: number): string {
  const head = text.slice(0, lengthMax);
  return head.slice(0, Math.max(head.lastIndexOf(' '), head.lastIndexOf('\n'), 0));
}

/** A value as plain data, safe to write down: see the head of this file. */
export function redact(value: unknown): Plain {
  return new Walk().visit(value, 0);
}

/** The fields of one line, safe to write down. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, Plain> {
  return new Walk().fields(fields, 0);
}

class Walk {
  private nodes = 0;
  private room = roomMax;
  private readonly path: object[] = [];

  visit(value: unknown, depth: number): Plain {
    this.nodes += 1;
    if (this.nodes > nodesMax) return '[more]';
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
      case 'undefined':
        return value;
      case 'bigint':
      case 'symbol':
        return this.text(value.toString());
      case 'function':
        return '[function]';
      case 'object':
        return value === null ? null : this.guarded(value, depth);
    }
  }

  /** A text of the line; when the line has become long, no more of it. */
  private text(text: string): string {
    if (this.room <= 0) return '[more]';
    const safe = redactText(text);
    this.room -= safe.length;
    return safe;
  }

  fields(fields: object, depth: number): Record<string, Plain> {
    const plain: Record<string, Plain> = {};
    const keys = Object.keys(fields);
    const names = keys.includes('value') && namesASecret(fields);
    for (const key of keys.slice(0, keysMax)) plain[safeKey(key)] = names && key === 'value' ? mask : this.field(fields, key, depth);
    if (keys.length > keysMax) plain['…'] = `${keys.length - keysMax} more`;
    return plain;
  }

  private field(fields: object, key: string, depth: number): Plain {
    try {
      const value: unknown = Reflect.get(fields, key);
      return this.entry(key, value, depth);
    } catch {
      return '[unreadable]';
    }
  }

  private entry(key: string, value: unknown, depth: number): Plain {
    if (!isSecretKey(key)) return this.visit(value, depth + 1);
    if (value === undefined || value === null || typeof value === 'boolean') return value;
    return typeof value === 'number' && /tokens$/i.test(key) ? value : mask;
  }

  private guarded(value: object, depth: number): Plain {
    if (this.path.includes(value)) return '[circular]';
    if (depth > depthMax) return '[deep]';
    this.path.push(value);
    try {
      return this.object(value, depth);
    } catch {
      return '[unreadable]';
    } finally {
      this.path.pop();
    }
  }

  private object(value: object, depth: number): Plain {
    if (value instanceof Error) return this.error(value, depth);
    if (Array.isArray(value)) return this.items(value, value.length, depth);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (value instanceof Map) return this.map(value, depth);
    if (value instanceof Set) return this.items(value, value.size, depth);
    if (value instanceof URL || value instanceof RegExp) return this.text(String(value));
    if ('toJSON' in value && isFunction(value.toJSON)) return this.visit(Reflect.apply(value.toJSON, value, []), depth + 1);
    return this.fields(value, depth);
  }

  /** In `['authorization', 'x']`, as in raw headers and entries, the second is a secret. */
  private items(values: Iterable<unknown>, count: number, depth: number): Plain {
    const plain: Plain[] = [];
    let before: unknown;
    for (const value of values) {
      if (plain.length === itemsMax) {
        plain.push(`${count - itemsMax} more`);
        break;
      }
      const hidden: boolean = typeof before === 'string' && typeof value === 'string' && isSecretKey(before);
      plain.push(hidden ? mask : this.visit(value, depth + 1));
      before = hidden ? undefined : value;
    }
    return plain;
  }

  private map(map: ReadonlyMap<unknown, unknown>, depth: number): Plain {
    const plain: Record<string, Plain> = {};
    let count = 0;
    for (const [key, value] of map) {
      if ((count += 1) > keysMax) break;
      const name = typeof key === 'string' ? key : (JSON.stringify(this.visit(key, depth + 1)) ?? '');
      plain[safeKey(name)] = this.entry(name, value, depth);
    }
    return plain;
  }

  /** An error with its code, SQLSTATE, hint and causes; of a database error no row values. */
  private error(error: Error, depth: number): Plain {
    const plain: Record<string, Plain> = {};
    plain['name'] = this.text(error.name);
    const code: unknown = Reflect.get(error, 'code');
    const database = 'severity' in error;
    if (typeof code === 'string' || typeof code === 'number')
      plain[database && /^[0-9A-Z]{5}$/.test(String(code)) ? 'sqlstate' : 'code'] = code;
    plain['message'] = this.text(error.message);
    for (const key of database ? databaseKeys : errorKeys) {
      const value: unknown = Reflect.get(error, key);
      if (value !== undefined && value !== null && value !== '') plain[key] = this.visit(value, depth + 1);
    }
    if (typeof error.stack === 'string') plain['stack'] = this.text(error.stack);
    const errors: unknown = Reflect.get(error, 'errors');
    if (Array.isArray(errors)) plain['errors'] = this.visit(errors.slice(0, causesMax), depth + 1);
    if (error.cause !== undefined) plain['cause'] = this.visit(error.cause, depth + 1);
    return plain;
  }
}

/** What is told of an error beside its name, code, message and causes; of a database error nothing that quotes a row. */
const errorKeys = ['hint', 'detail', 'data', 'validationErrors', 'syscall', 'address', 'port', 'path'];
const databaseKeys = ['hint', 'schema', 'table', 'column', 'constraint', 'routine'];

/** A key as it is written: no secret in it, not long, and not the one name that would change the object itself. */
function safeKey(key: string): string {
  return key === '__proto__' ? '[__proto__]' : redactText(key).slice(0, keyTextMax);
}

function isFunction(value: unknown): value is (this: unknown) => unknown {
  return typeof value === 'function';
}

/** Whether this is a pair like `{ field: 'body.password', value: … }`. */
function namesASecret(fields: object): boolean {
  return ['field', 'name', 'key', 'header'].some((key) => {
    const name: unknown = Object.getOwnPropertyDescriptor(fields, key)?.value;
    return typeof name === 'string' && isSecretKey(name);
  });
}
