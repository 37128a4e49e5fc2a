/** What the schema of a game may say, what it checks, and what a hostile one costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { detailLimits } from './details-check.ts';
import { readDetailsSchema } from './details-schema.ts';

const place = 'body.additional_details_schema';
const field = 'body.additional_details';

/** The paths at which a schema is refused, as text below the schema; null where it is taken. */
function refusedAt(schema: unknown): readonly string[] | null {
  try {
    readDetailsSchema(schema, place);
    return null;
  } catch (error) {
    assert.ok(isKeelsonError(error, 'VALIDATION_ERROR'), String(error));
    return (error.validationErrors ?? []).map((problem) => problem.field.slice(place.length));
  }
}

function problems(schema: unknown, details: unknown): readonly string[] {
  return readDetailsSchema(schema, place)
    .problemsOf(details, field)
    .map((problem) => `${problem.field.slice(field.length)} ${problem.message}`);
}

const object = (properties: unknown, more: object = {}): unknown => ({ type: 'object', properties, ...more });

// LRP-15
test('details are checked by the schema of their game, and what does not fit is named by its path', () => {
  const schema = object(
    {
      allergies: { type: 'array', items: { type: 'string', maxLength: 10 }, maxItems: 2, uniqueItems: true },
      experience: { enum: ['none', 'some', 'much'] },
      born: { type: 'string', format: 'date' },
      contact: { $ref: '#/$defs/contact' },
    },
    {
      required: ['experience'],
      additionalProperties: false,
      $defs: { contact: { type: 'object', properties: { phone: { type: 'string', pattern: '^\\+?[0-9 ]{5,20}$' } }, required: ['phone'] } },
    },
  );
  assert.deepEqual(problems(schema, { experience: 'some', born: '2001-02-28', contact: { phone: '+44 1234' }, allergies: ['nuts'] }), []);
  assert.deepEqual(
    problems(schema, { experience: 'lots', born: '2001-02-30', contact: { phone: 'none' }, allergies: ['far too long', 7] }),
    [
      '.allergies[0] must not have more than 10 characters',
      '.allergies[1] must be string',
      '.experience must be one of "none", "some", "much"',
      '.born must match format "date"',
      '.contact.phone must match pattern "^\\\\+?[0-9 ]{5,20}$"',
    ],
  );
  assert.deepEqual(problems(schema, { contact: {}, other: 1 }).toSorted(), [
    '.contact.phone is required',
    '.experience is required',
    '.other is nothing that the game asks for',
  ]);
});

test('a game that asks nothing takes any object, within limits', () => {
  assert.deepEqual(problems({}, { anything: [1, { goes: null }] }), []);
  for (const details of [[], 'x', null, 3]) assert.deepEqual(problems({}, details), [' must be an object']);
  assert.match(String(problems({}, { long: 'x'.repeat(detailLimits.detailCharacters) })), /at most/u);
  let deep: unknown = {};
  for (let level = 0; level < 200_000; level += 1) deep = { deep };
  assert.match(String(problems({}, deep)), /nested deeper/u);
});

test('what every object inherits is neither sent nor asked for', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', '__proto__'];
  for (const name of names.slice(0, 3)) {
    assert.deepEqual(problems(object({}, { required: [name] }), {}), [`.${name} is required`]);
    assert.deepEqual(problems(object({ [name]: { type: 'number' } }), {}), []);
  }
  assert.deepEqual(refusedAt(JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}')), ['.properties.__proto__']);
  const closed = object({ a: {} }, { additionalProperties: false });
  assert.deepEqual(problems(closed, JSON.parse('{"__proto__":{"a":1}}')), ['.__proto__ is nothing that the game asks for']);
});

const hostile: Readonly<Record<string, readonly [schema: unknown, ...paths: string[]]>> = {
  'no object': ['text', ''],
  'a list': [[], ''],
  'for something else than an object': [{ type: 'array' }, '.type'],
  'with a word that is not known': [object({ a: { typo: 'string' } }), '.properties.a.typo'],
  'with patterns as names': [object({}, { patternProperties: { '(a+)+$': {} } }), '.patternProperties'],
  'with a type that there is not': [object({ a: { type: 'strnig' }, b: { type: [] } }), '.properties.a.type', '.properties.b.type'],
  'with sizes that are none': [
    object({ a: { minLength: -1, maxLength: 1.5, minItems: '1', maxItems: 1e9 } }),
    '.properties.a.minLength',
    '.properties.a.maxLength',
    '.properties.a.minItems',
    '.properties.a.maxItems',
  ],
  'with a list where a schema belongs': [object({ a: [] }), '.properties.a'],
  'with properties that are a list': [object([]), '.properties'],
  'with an empty choice': [object({ a: { anyOf: [] }, b: { enum: [] } }), '.properties.a.anyOf', '.properties.b.enum'],
  'with a format that nobody checks': [object({ a: { format: 'regex' } }), '.properties.a.format'],
  'that refers outside': [
    object({ a: { $ref: 'https://example.com/schema' }, b: { $ref: 'file:///etc/passwd' } }),
    '.properties.a.$ref',
    '.properties.b.$ref',
  ],
  'that refers to nothing': [object({ a: { $ref: '#/$defs/missing' } }, { $defs: {} }), '.properties.a.$ref'],
  'that refers to what is inherited': [object({ a: { $ref: '#/$defs/constructor' } }, { $defs: {} }), '.properties.a.$ref'],
  'that refers by another way': [
    object({ a: { $ref: '#/properties/a' }, b: { $dynamicRef: '#' } }),
    '.properties.a.$ref',
    '.properties.b.$dynamicRef',
  ],
  'with an id of its own': [object({}, { $id: 'https://example.com/' }), '.$id'],
  'that is itself': [{ type: 'object', $ref: '#' }, '.$ref'],
  'that is itself in a circle': [
    object({ a: { $ref: '#/$defs/a' } }, { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } } }),
    '.$defs.b.not.$ref',
  ],
  'with definitions below the top': [object({ a: { $defs: { x: {} } } }), '.properties.a.$defs'],
  'with a definition of a strange name': [object({}, { $defs: { 'a/b': {} } }), '.$defs.a/b'],
  'with a pattern that looks around': [object({ a: { pattern: '(?=x)y' } }), '.properties.a.pattern'],
  'with a pattern that refers back': [object({ a: { pattern: '(a)\\1' } }), '.properties.a.pattern'],
  'with a pattern that is none': [object({ a: { pattern: '(' }, b: { pattern: 7 } }), '.properties.a.pattern', '.properties.b.pattern'],
  'with a pattern that repeats without end': [object({ a: { pattern: '((x{100}){100}){100}' } }), '.properties.a.pattern'],
  'with a pattern that is large': [object({ a: { pattern: 'x{1000}y{900}' } }), '.properties.a.pattern'],
  'with a pattern that is long': [object({ a: { pattern: 'x'.repeat(201) } }), '.properties.a.pattern'],
  'with something refused behind a choice': [
    object({ a: { if: {}, else: { allOf: [{ items: { bad: 1 } }] } } }),
    '.properties.a.else.allOf[0].items.bad',
  ],
};
for (const [what, [schema, ...paths]] of Object.entries(hostile)) {
  test(`a schema ${what} is refused with its place`, () => {
    assert.deepEqual(refusedAt(schema), paths);
  });
}

test('a schema that is too large, too many or too deep is refused', () => {
  assert.deepEqual(refusedAt(object({}, { description: 'x'.repeat(detailLimits.schemaCharacters) })), ['']);
  const many = Object.fromEntries(Array.from({ length: detailLimits.schemas }, (_, number) => [`a${number}`, {}]));
  assert.ok((refusedAt(object(many)) ?? []).length > 0);
  let deep: unknown = {};
  for (let level = 0; level < detailLimits.schemaDepth; level += 1) deep = { items: deep };
  assert.ok((refusedAt(object({ a: deep })) ?? []).length > 0);
  let abyss: unknown = {};
  for (let level = 0; level < 200_000; level += 1) abyss = { items: abyss };
  assert.deepEqual(refusedAt(object({ a: abyss })), ['']);
});

test('patterns that are too many together are refused', () => {
  const large = (number: number): unknown => ({ pattern: `(x|y){1,150}${number}` });
  const paths = refusedAt(object({ a: { allOf: Array.from({ length: 40 }, (_, number) => large(number)) } })) ?? [];
  assert.ok(paths.length > 0 && paths.length < 40, String(paths.length));
});

test('a schema of trees checks trees', () => {
  const schema = object(
    { tree: { $ref: '#/$defs/tree' } },
    {
      $defs: {
        tree: {
          type: 'object',
          additionalProperties: false,
          properties: { name: { type: 'string' }, kids: { type: 'array', items: { $ref: '#/$defs/tree' } } },
        },
      },
    },
  );
  assert.deepEqual(problems(schema, { tree: { kids: [{ name: 'a', kids: [] }, {}] } }), []);
  assert.deepEqual(problems(schema, { tree: { kids: [{ kids: [{ name: 1 }] }] } }), ['.tree.kids[0].kids[0].name must be string']);
});

const tooManySteps = [' takes too many steps to check against the schema of the game'];

test('no schema makes a check without end: what doubles with each reference stops at its budget', () => {
  const next = (number: number): unknown => ({ $ref: `#/$defs/d${number + 1}` });
  const doubling = Array.from({ length: 60 }, (_, number): [string, unknown] => [`d${number}`, { anyOf: [next(number), next(number)] }]);
  const schema = object({ a: { $ref: '#/$defs/d0' } }, { $defs: Object.fromEntries([...doubling, ['d60', { type: 'string' }]]) });
  assert.deepEqual(problems(schema, { a: 1 }), tooManySteps);
  const itself = object({ kid: { anyOf: Array.from({ length: 8 }, () => ({ $ref: '#' })) }, wrong: false });
  let deep: unknown = { wrong: 1 };
  for (let level = 0; level < 14; level += 1) deep = { kid: deep };
  assert.deepEqual(problems(itself, deep), tooManySteps);
});

test('no pattern makes a check without end, however it is nested and however many there are', () => {
  const text = 'x'.repeat(15_000);
  assert.deepEqual(problems(object({ a: { pattern: '^(x+x+)+y$' } }), { a: text }), ['.a must match pattern "^(x+x+)+y$"']);
  const many = object({ a: { allOf: Array.from({ length: 100 }, () => ({ pattern: '(x|xx|xxx)*[yz]$' })) } });
  assert.deepEqual(problems(many, { a: text }), tooManySteps);
});

test('no word that compares a value with much, or looks at all that is in it, keeps a check busy', () => {
  const many = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
  const all = (schema: unknown, count = 240): unknown => object({ a: { allOf: many(count, { not: schema }) } });
  const each = (schema: unknown): unknown => object({ a: { type: 'array', items: { not: schema } } });
  const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `n${index}`);
  const open = Object.fromEntries(names(450).map((name) => [name, true]));
  assert.deepEqual(problems(each({ enum: many(10_000, []) }), { a: many(5_000, {}) }), tooManySteps);
  assert.deepEqual(problems(each({ const: { of: many(10_000, 1) } }), { a: many(5_000, {}) }), tooManySteps);
  assert.deepEqual(problems(each({ required: names(3_900) }), { a: many(5_000, {}) }), tooManySteps);
  assert.deepEqual(problems(each({ not: { properties: open } }), { a: many(5_000, {}) }), tooManySteps);
  assert.deepEqual(problems(all({ not: { uniqueItems: true } }, 160), { a: names(2_000) }), tooManySteps);
  assert.deepEqual(problems(all({ format: 'uri' }), { a: `http://${'a%20'.repeat(3_500)}\u0001` }), tooManySteps);
  const keys = Object.fromEntries(names(1_500).map((name) => [name, 1]));
  assert.deepEqual(problems(all({ not: { additionalProperties: false } }, 120), { a: keys }), tooManySteps);
});

test('what real games ask costs a small part of what may be', () => {
  const kinds = Array.from({ length: 40 }, (_, index) => `kind ${index}`);
  const properties = Object.fromEntries(kinds.map((name) => [name, { type: 'array', items: { enum: kinds }, uniqueItems: true }]));
  const check = readDetailsSchema(object(properties, { additionalProperties: false, required: kinds }), place);
  const details = Object.fromEntries(kinds.map((name) => [name, kinds.slice(0, 20)]));
  const shown = Array.from({ length: 50 }, () => check.problemsOf(details, field));
  assert.deepEqual(shown.flat(), []);
});

test('what does not fit is told in short, however long its names and values are', () => {
  const long = 'n'.repeat(5_000);
  const schema = object({ a: { enum: [long] } }, { required: [long], additionalProperties: false });
  const told = problems(schema, { a: 1, [`${long}m`]: 1 });
  assert.equal(told.length, 3);
  assert.ok(
    told.every((problem) => problem.length < 200),
    told.join('\n'),
  );
});

test('many that are checked at once share a budget', () => {
  const check = readDetailsSchema(object({}, { additionalProperties: { pattern: '(x+x+)+y{1,100}' } }), place);
  const details = { a: 'x'.repeat(4_000) };
  const ends = Array.from({ length: 200 }, () => check.problemsOf(details, field)[0]?.message);
  assert.match(String(ends[0]), /must match pattern/u);
  assert.match(String(ends.at(-1)), /too many steps/u);
});
