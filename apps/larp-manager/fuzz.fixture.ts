/** Requests for a fuzzer: made from an operation of the OpenAPI document, mostly fitting and about rows that there are, often hostile. */
import * as fc from 'fast-check';

/** A JSON Schema as the document has it, its references put in. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** An operation of the document, with what its requests are made from. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly body: JsonSchema | undefined;
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

/** A request as it is asked. */
export interface Draft {
  /** One of the actors, by number. */
  readonly who: number;
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: readonly (readonly [string, unknown])[];
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Keys of rows that there are, by the names of the properties and parameters that refer to them. */
export type Known = Readonly<Record<string, readonly string[]>>;

const hostileTexts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202eevil',
  '-1',
  '1e400',
  'NaN',
  'null',
  '%00',
  '../../etc/passwd',
  "' or 1=1; drop table users; --",
  '${7*7}',
  '<script>alert(1)</script>',
  'x'.repeat(5_000),
  'infinity',
  '294277-01-01',
  '0000-00-00',
  '1,2;3',
  ',',
  '{}',
  '%_\\',
  '00000000-0000-0000-0000-000000000000',
];

const hostileKeys = [
  '__proto__',
  'constructor',
  'is_superuser',
  'password_hash',
  'id',
  'version',
  'game_id',
  'group_ids',
  'created_at',
  '',
];

const hostileText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary', maxLength: 30 }));

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, true, 0, -0, 1.5, 2 ** 53, 1e308, [], {}, [null], [[]], { type: 'object' }, { type: 'object', $ref: '#' }),
);

/** What a schema of a game, or details by it, may be. */
const detailed: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    {},
    { type: 'object' },
    { type: 'object', properties: { a: { type: 'string' } } },
    { type: 'object', properties: { a: { $ref: '#' } }, additionalProperties: false },
    { type: 'object', properties: { a: { pattern: '(a+)+$' } } },
    { a: 'aaaaaaaa' },
    { a: { a: {} } },
  ),
  fc.dictionary(fc.constantFrom('a', 'type', 'properties', '$ref', ...hostileKeys), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
);

/** Requests for an operation. */
export function requestsOf(operation: Operation, known: Known, actors: number): fc.Arbitrary<Draft> {
  const valueOf = (name: string, schema: JsonSchema): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 6, arbitrary: fitting(schema, name, known) }, { weight: 1, arbitrary: hostileText });
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const pair = fc.oneof(
    ...inQuery.map(({ name, schema }) => fc.tuple(fc.constant(name), valueOf(name, schema))),
    fc.tuple(fc.constantFrom(...hostileKeys), hostileText),
  );
  return fc.record({
    who: fc.nat({ max: actors - 1 }),
    path: fc.record(Object.fromEntries(inPath.map(({ name, schema }) => [name, valueOf(name, schema)]))),
    query: fc.array(pair, { maxLength: inQuery.length === 0 ? 0 : 3 }),
    body: operation.body === undefined ? fc.constant(undefined) : bodyOf(operation.body, known),
    headers: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.dictionary(
          fc.constantFrom('if-match', 'if-none-match', 'accept', 'range', 'traceparent'),
          fc.constantFrom('*', '"1"', '"2"', 'W/"1"', '"1", "2"', '1', '', '"', ',', 'x'.repeat(3_000)),
          { maxKeys: 2 },
        ),
      },
    ),
  });
}

function bodyOf(schema: JsonSchema, known: Known): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: fitting(schema, '', known) }, { weight: 1, arbitrary: hostileValue });
}

/** A value that mostly fits a schema, and refers to rows that there are. */
function fitting(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<unknown> {
  const keys = known[name.replace(/\[.*$/u, '')];
  if (keys !== undefined && (schema['format'] === 'uuid' || typeOf(schema) === 'array')) {
    const key = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: fc.uuid() });
    return typeOf(schema) === 'array' ? fc.array(key, { maxLength: 3 }) : key;
  }
  if (name.startsWith('additional_details')) return detailed;
  if (name === 'email') return fc.emailAddress();
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...parseList(schema['enum']));
  if (Array.isArray(schema['anyOf'])) return fc.oneof(...parseList(schema['anyOf']).map((each) => fitting(parseSchema(each), name, known)));
  const minimum = numberOf(schema, 'minimum', -5);
  switch (typeOf(schema)) {
    case 'object':
      return fittingObject(schema, known);
    case 'array':
      return fc.array(fitting(parseSchema(schema['items'] ?? {}), name, known), {
        minLength: numberOf(schema, 'minItems', 0),
        maxLength: 3,
      });
    case 'integer':
      return fc.integer({ min: minimum, max: Math.min(numberOf(schema, 'maximum', 50), Math.max(minimum, 300)) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return fittingText(schema);
    default:
      return hostileValue;
  }
}

function fittingText(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema['format'] === 'uuid') return fc.uuid();
  const day = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
  if (schema['format'] === 'date-time') return day;
  if (schema['format'] === 'date') return day.map((text) => text.slice(0, 10));
  const minLength = numberOf(schema, 'minLength', 0);
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, Math.min(numberOf(schema, 'maxLength', 40), 40)) });
}

function fittingObject(schema: JsonSchema, known: Known): fc.Arbitrary<unknown> {
  const properties = Object.entries(parseSchema(schema['properties'] ?? {}));
  if (properties.length === 0) return fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  const required = parseList(schema['required'] ?? []);
  const whole = fc.record(Object.fromEntries(properties.map(([name, each]) => [name, fitting(parseSchema(each), name, known)])), {
    requiredKeys: properties.map(([name]) => name).filter((name) => required.includes(name)),
  });
  const names = properties.map(([name]) => name);
  const bent = fc
    .tuple(whole, fc.constantFrom(...names, ...hostileKeys), hostileValue)
    .map(([value, name, hostile]) => Object.fromEntries([...Object.entries(value), [name, hostile]]));
  return fc.oneof({ weight: 4, arbitrary: whole }, { weight: 1, arbitrary: bent });
}

function typeOf(schema: JsonSchema): unknown {
  return Array.isArray(schema['type']) ? parseList(schema['type'])[0] : schema['type'];
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
