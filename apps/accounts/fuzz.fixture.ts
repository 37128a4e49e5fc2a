/** Requests for a fuzzer: made from an operation of the OpenAPI document, mostly fitting, often hostile. */
import * as fc from 'fast-check';

/** A JSON Schema as the document has it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** An operation of the document, with what its requests are made from. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: JsonSchema }[];
  /** The schemas of the body by media type. */
  readonly bodies: ReadonlyMap<string, JsonSchema>;
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

/** Who a request says that it comes from. */
export type Who = 'nobody' | 'user' | 'superuser' | 'forged';

/** A request before the values that only a running service knows are put in. */
export interface Draft {
  readonly who: Who;
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: readonly (readonly [string, unknown])[];
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
}

type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'json' | 'form'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: string };

/** Stands for a value that lives: the e-mail, the password, the tokens and the keys of who asks. */
export class Live {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Names of properties and parameters that stand for something that lives. */
const liveNames: Readonly<Record<string, string>> = {
  email: 'email',
  username: 'email',
  password: 'password',
  current_password: 'password',
  refresh_token: 'refresh_token',
  id: 'id',
  session_id: 'id',
  user_id: 'id',
};

const hostileTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00x',
  '\ufeff',
  '\u202eevil',
  '\u200b',
  '\u212aelvin@example.com',
  '0',
  '-1',
  '1e400',
  'NaN',
  'null',
  'undefined',
  '%',
  '%00',
  '%s%n',
  '../../etc/passwd',
  "' or 1=1; drop table users; --",
  '${7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  'x'.repeat(255),
  'x'.repeat(5_000),
  '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}',
  'e\u0301'.repeat(300),
  '00000000-0000-0000-0000-000000000000',
  '00000000-0000-0000-0000-00000000000g',
  'infinity',
  '294277-01-01T00:00:00Z',
  '-infinity',
  '1,2;3',
  '[]',
  '{}',
  'a@b',
  '@',
  `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
];

const hostileKeys = ['__proto__', 'constructor', 'prototype', 'is_superuser', 'password_hash', 'id', '', 'toString', 'a b', '\u0000'];

const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'application/json;',
  'application/x-www-form-urlencoded',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/json, text/plain',
  'json',
  '/',
];

const rawBodies = [
  '',
  ' ',
  'null',
  'true',
  '0',
  '"text"',
  '[]',
  '{}',
  '{"a":1e400}',
  '{"email":"a@b.example","email":"c@d.example"}',
  '{"__proto__":{"is_superuser":true}}',
  '{"constructor":{"prototype":{"is_superuser":true}}}',
  '{',
  '{"email"',
  "{'email':1}",
  '{"email":"\\u0000"}',
  '{"email":"\\ud800"}',
  '[1,]',
  'NaN',
  '\ufeff{}',
  '[['.repeat(2_000),
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  `{${Array.from({ length: 3_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  `{"email":"${'x'.repeat(110_000)}"}`,
  'a=1&a=2',
  'grant_type=password&username=%ff&password=%',
  'username=a&username=b&password=c&grant_type=password',
];

const hostileText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 300 }));

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, 0, -0, -1, 1.5, 2 ** 53, 1e308, [], {}, [null], [[]], { $ne: null }, '') },
);

/** A value that mostly fits a schema. */
function fitting(schema: JsonSchema, name: string): fc.Arbitrary<unknown> {
  const live = liveNames[name];
  const made = fittingAlone(schema);
  return live === undefined ? made : fc.oneof({ weight: 3, arbitrary: fc.constant(new Live(live)) }, { weight: 1, arbitrary: made });
}

function fittingAlone(schema: JsonSchema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...parseList(schema['enum']));
  const branches = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(branches)) return fc.oneof(...branches.map((branch: unknown) => fittingAlone(parseSchema(branch))));
  const type: unknown = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  if (type === 'object') return fittingObject(schema);
  if (type === 'array') return fc.array(fittingAlone(parseSchema(schema['items'] ?? {})), { maxLength: 5 });
  if (type === 'integer') return fc.integer({ min: numberOf(schema, 'minimum', -5), max: numberOf(schema, 'maximum', 5_000) });
  if (type === 'number') return fc.double({ noNaN: true, min: numberOf(schema, 'minimum', -5), max: numberOf(schema, 'maximum', 5_000) });
  if (type === 'boolean') return fc.boolean();
  if (type === 'null') return fc.constant(null);
  if (type === 'string') return fittingText(schema);
  return hostileValue;
}

function fittingText(schema: JsonSchema): fc.Arbitrary<string> {
  const shortest = numberOf(schema, 'minLength', 0);
  const longest = Math.max(shortest, Math.min(numberOf(schema, 'maxLength', 60), 300));
  const made = fc.string({ unit: 'grapheme', minLength: shortest, maxLength: longest });
  if (schema['format'] === 'uuid') return fc.uuid();
  if (schema['format'] === 'email') return fc.emailAddress();
  if (schema['format'] === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (schema['format'] === 'password') return fc.oneof(fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 72 }), made);
  return fc.oneof(made, fc.emailAddress());
}

function fittingObject(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = Object.entries(parseSchemas(schema['properties'] ?? {}));
  const required: unknown = schema['required'] ?? [];
  const isRequired = (name: string): boolean => Array.isArray(required) && required.includes(name);
  const whole = fc.record(Object.fromEntries(properties.map(([name, each]) => [name, fitting(each, name)])), {
    requiredKeys: properties.map(([name]) => name).filter(isRequired),
  });
  const names = properties.map(([name]) => name);
  const bent = fc
    .tuple(whole, names.length === 0 ? fc.constantFrom(...hostileKeys) : fc.constantFrom(...names, ...hostileKeys), hostileValue)
    .map(([value, name, hostile]) => Object.fromEntries([...Object.entries(value), [name, hostile]]));
  const torn = fc
    .tuple(whole, fc.nat())
    .map(([value, at]) => Object.fromEntries(Object.entries(value).filter((_, index, all) => index !== at % Math.max(1, all.length))));
  return fc.oneof({ weight: 5, arbitrary: whole }, { weight: 4, arbitrary: bent }, { weight: 1, arbitrary: torn });
}

function bodyOf({ bodies }: Operation): fc.Arbitrary<Body> {
  const raw = fc.record({
    kind: fc.constant('bytes' as const),
    bytes: fc.oneof(
      fc.constantFrom(...rawBodies).map((text) => new TextEncoder().encode(text)),
      fc.uint8Array({ maxLength: 200 }),
    ),
    type: fc.constantFrom(...contentTypes),
  });
  const json = bodies.get('application/json');
  const form = bodies.get('application/x-www-form-urlencoded');
  if (json === undefined) return fc.oneof({ weight: 6, arbitrary: fc.constant<Body>({ kind: 'none' }) }, { weight: 1, arbitrary: raw });
  const choices: { weight: number; arbitrary: fc.Arbitrary<Body> }[] = [
    { weight: 10, arbitrary: fittingAlone(json).map((value) => ({ kind: 'json', value })) },
    { weight: 3, arbitrary: raw },
    { weight: 1, arbitrary: hostileValue.map((value) => ({ kind: 'json', value })) },
    { weight: 1, arbitrary: fc.constant<Body>({ kind: 'none' }) },
  ];
  if (form !== undefined) choices.push({ weight: 4, arbitrary: fittingAlone(form).map((value) => ({ kind: 'form', value })) });
  return fc.oneof(...choices);
}

const hostileHeaders: fc.Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.dictionary(
      fc.constantFrom(
        'accept',
        'accept-encoding',
        'accept-language',
        'content-encoding',
        'cookie',
        'forwarded',
        'if-match',
        'if-none-match',
        'origin',
        'range',
        'traceparent',
        'tracestate',
        'user-agent',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-http-method-override',
        'x-request-id',
      ),
      fc.oneof(
        fc.constantFrom(
          '',
          '*',
          '*/*',
          'text/html',
          'gzip',
          'https://evil.example',
          'null',
          '00-',
          '::1, 127.0.0.1',
          '" or ""="',
          'é\u00ff',
        ),
        fc.constant('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
        fc.string({ unit: 'grapheme-ascii', maxLength: 60 }).map((text) => text.trim()),
      ),
      { maxKeys: 4 },
    ),
  },
);

/** Requests for an operation. */
export function requestsOf(operation: Operation): fc.Arbitrary<Draft> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const valueOf = (name: string, schema: JsonSchema): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 5, arbitrary: fitting(schema, name) }, { weight: 2, arbitrary: hostileText });
  const known = inQuery.map(({ name, schema }) => fc.tuple(fc.constant(name), valueOf(name, schema)));
  const pair = fc.oneof(...known, fc.tuple(fc.constantFrom(...hostileKeys, 'x'), hostileText));
  return fc.record({
    who: fc.constantFrom<Who>('user', 'user', 'user', 'superuser', 'superuser', 'nobody', 'forged'),
    path: fc.record(Object.fromEntries(inPath.map(({ name, schema }) => [name, valueOf(name, schema)]))),
    query: fc.oneof(
      { weight: 4, arbitrary: fc.array(pair, { maxLength: inQuery.length === 0 ? 0 : 4 }) },
      { weight: 1, arbitrary: fc.array(pair, { maxLength: 3 }) },
    ),
    body: bodyOf(operation),
    headers: hostileHeaders,
  });
}

function numberOf(schema: JsonSchema, keyword: string, otherwise: number): number {
  const value = schema[keyword];
  return typeof value === 'number' ? value : otherwise;
}

function parseList(value: unknown): readonly unknown[] {
  return value as readonly unknown[];
}

function parseSchema(value: unknown): JsonSchema {
  return value as JsonSchema;
}

function parseSchemas(value: unknown): Readonly<Record<string, JsonSchema>> {
  return value as Readonly<Record<string, JsonSchema>>;
}
