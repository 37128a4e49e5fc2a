/** Readers and writers: what a schema lets in, in which names, and what it lets out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Type from 'typebox';
import { type FieldProblem, isKeelsonError } from '../../errors.ts';
import { describeShape } from './json-schema.ts';
import { compileReader } from './reader.ts';
import { readShape } from './shape.ts';
import { compileWriter } from './writer.ts';

function read(schema: Type.TSchema, value: unknown): { value: unknown; problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = [];
  return { value: compileReader(readShape(schema, 'test'), 'body').read(value, problems), problems };
}

function readTexts(
  schema: Type.TSchema,
  texts: Readonly<Record<string, string | string[]>>,
): { value: unknown; problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = [];
  return { value: compileReader(readShape(schema, 'test'), 'query').readTexts(texts, problems), problems };
}

function write(schema: Type.TSchema, value: unknown): string {
  return compileWriter(readShape(schema, 'test'), 'GET /test')(value);
}

const person = Type.Object({
  fullName: Type.String({ minLength: 1, maxLength: 5 }),
  homeAddress: Type.Optional(Type.Object({ zipCode: Type.String() })),
  nickNames: Type.Array(Type.Object({ nickName: Type.String() })),
});

test('a body is read in the names of the code, nested objects and lists too', () => {
  const sent = { full_name: 'Ann', home_address: { zip_code: '1' }, nick_names: [{ nick_name: 'A' }] };
  const expected = { fullName: 'Ann', homeAddress: { zipCode: '1' }, nickNames: [{ nickName: 'A' }] };
  assert.deepEqual(read(person, sent), { value: expected, problems: [] });
});

test('a property that was not sent is absent, not undefined', () => {
  const { value } = read(person, { full_name: 'Ann', nick_names: [] });
  assert.ok(typeof value === 'object' && value !== null);
  assert.deepEqual(Object.keys(value), ['fullName', 'nickNames']);
});

test('problems name the paths of the wire, and never the values', () => {
  const sent = { full_name: '', home_address: { zip_code: 7 }, nick_names: [{ nick_name: 'A' }, {}], isAdmin: 'hunter2' };
  assert.deepEqual(read(person, sent).problems, [
    { field: 'body.full_name', message: 'must not be empty' },
    { field: 'body.home_address.zip_code', message: 'must be a text' },
    { field: 'body.nick_names[1].nick_name', message: 'is required' },
    { field: 'body.isAdmin', message: 'is not a known field' },
  ]);
});

test('the names of the code are unknown on the wire', () => {
  assert.deepEqual(read(Type.Object({ fullName: Type.Optional(Type.String()) }), { fullName: 'Ann' }).problems, [
    { field: 'body.fullName', message: 'is not a known field' },
  ]);
});

test('a body that is missing is told as such', () => {
  assert.deepEqual(read(person, undefined).problems, [{ field: 'body', message: 'is required' }]);
  assert.deepEqual(read(person, null).problems, [{ field: 'body', message: 'is required' }]);
  assert.deepEqual(read(person, []).problems, [{ field: 'body', message: 'must be an object' }]);
});

test('lengths count code points, as varchar does', () => {
  const schema = Type.Object({ name: Type.String({ maxLength: 6 }) });
  const family = '👨‍👩‍👧‍👦';
  assert.equal(Array.from(family).length, 7);
  assert.deepEqual(read(schema, { name: family }).problems, [{ field: 'body.name', message: 'must have at most 6 characters' }]);
  assert.deepEqual(read(schema, { name: '😀😀😀😀😀😀' }).problems, []);
});

test('whole numbers that JSON carried exactly and JavaScript cannot are refused', () => {
  const schema = Type.Object({ count: Type.Integer() });
  for (const count of [1e308, 9_007_199_254_740_992, 2.5]) assert.equal(read(schema, { count }).problems[0]?.field, 'body.count');
  assert.deepEqual(read(schema, { count: -0 }).problems, []);
});

test('a format that nobody knows is refused when the route is declared, not passed for ever', () => {
  assert.throws(() => readShape(Type.Object({ at: Type.String({ format: 'datetime' }) }), 'POST /x: body'), {
    message: 'The schema of POST /x: body.at has the unknown format "datetime".',
  });
});

test('two properties of one name on the wire, and names that are none, are refused', () => {
  for (const properties of [
    { fullName: Type.String(), full_name: Type.String() },
    { constructor: Type.String() },
    { 'a-b': Type.String() },
  ]) {
    assert.throws(
      () => readShape(Type.Object(properties), 'x'),
      (error) => isKeelsonError(error, 'MISUSE'),
    );
  }
});

test('defaults are filled in bodies and queries, each time anew', () => {
  const schema = Type.Object({ pageSize: Type.Integer({ default: 20 }), tags: Type.Array(Type.String(), { default: ['a'] }) });
  const reader = compileReader<{ tags: string[] }>(readShape(schema, 'x'), 'query');
  const first = reader.read({}, []);
  first?.tags.push('b');
  assert.deepEqual(reader.readTexts({}, []), { pageSize: 20, tags: ['a'] });
});

test('__proto__ is a field like any other, and unknown', () => {
  const sent: unknown = JSON.parse('{"full_name":"Ann","nick_names":[],"__proto__":{"isAdmin":true}}');
  assert.deepEqual(read(person, sent).problems, [{ field: 'body.__proto__', message: 'is not a known field' }]);
  assert.deepEqual(readTexts(Type.Object({}), { ['__proto__']: 'x' }).problems, [
    { field: 'query.__proto__', message: 'is not a known field' },
  ]);
});

test('of a choice of objects the one that fits best is explained', () => {
  const schema = Type.Union([
    Type.Object({ email: Type.String(), password: Type.String() }),
    Type.Object({ grant_type: Type.Literal('password'), username: Type.String(), password: Type.String() }),
  ]);
  assert.deepEqual(read(schema, { email: 'a', password: 'b' }), { value: { email: 'a', password: 'b' }, problems: [] });
  assert.deepEqual(read(schema, { email: 'a' }).problems, [{ field: 'body.password', message: 'is required' }]);
  assert.deepEqual(read(schema, { grant_type: 'code', username: 'a', password: 'b' }).problems, [
    { field: 'body.grant_type', message: 'must be password' },
  ]);
});

test('of a choice of constants all are told', () => {
  const schema = Type.Object({ order: Type.Union([Type.Literal('asc'), Type.Literal('desc')]), kind: Type.Enum(['a', 'b']) });
  assert.deepEqual(read(schema, { order: 'up', kind: 'c' }).problems, [
    { field: 'body.order', message: 'must be one of asc, desc' },
    { field: 'body.kind', message: 'must be one of a, b' },
  ]);
});

test('a choice of objects is read in the names of the one that fits', () => {
  const schema = Type.Union([Type.Object({ oneName: Type.Integer() }), Type.Object({ otherName: Type.Integer() }), Type.Null()]);
  assert.deepEqual(read(schema, { other_name: 1 }).value, { otherName: 1 });
  assert.equal(read(schema, null).value, null);
});

test('what is not declared further passes as it is', () => {
  const schema = Type.Object({ extraData: Type.Unknown(), byName: Type.Record(Type.String(), Type.Object({ fullName: Type.String() })) });
  const sent = { extra_data: { some_key: [1, { x_y: null }] }, by_name: { any_key: { full_name: 'A' } } };
  assert.deepEqual(read(schema, sent).value, {
    extraData: { some_key: [1, { x_y: null }] },
    byName: { __proto__: null, any_key: { fullName: 'A' } },
  });
});

test('texts become numbers only where they are written as such', () => {
  const schema = Type.Object({ page: Type.Integer() });
  assert.deepEqual(readTexts(schema, { page: '7' }).value, { page: 7 });
  for (const page of ['2.7', '', '1e3', '0x10', '9007199254740993', ' 1', '+1', '01', '1_000', 'NaN', 'Infinity', '٣']) {
    assert.deepEqual(readTexts(schema, { page }).problems, [{ field: 'query.page', message: 'must be a whole number' }], page);
  }
  assert.deepEqual(readTexts(schema, { page: ['1', '2'] }).problems, [{ field: 'query.page', message: 'must be a whole number' }]);
});

test('texts become lists, truth values and constants', () => {
  const schema = Type.Object({
    ids: Type.Array(Type.Integer()),
    isOpen: Type.Boolean(),
    ratio: Type.Number(),
    level: Type.Union([Type.Literal(1), Type.Literal(2)]),
    name: Type.Union([Type.String(), Type.Null()]),
  });
  assert.deepEqual(readTexts(schema, { ids: '1', is_open: 'true', ratio: '-0.5', level: '2', name: 'null' }).value, {
    ids: [1],
    isOpen: true,
    ratio: -0.5,
    level: 2,
    name: 'null',
  });
  assert.deepEqual(readTexts(schema, { ids: ['1', '2'], is_open: 'yes', ratio: '.5', level: '3', name: '' }).problems, [
    { field: 'query.is_open', message: 'must be true or false' },
    { field: 'query.ratio', message: 'must be a number' },
    { field: 'query.level', message: 'must be one of 1, 2' },
  ]);
});

test('a name may end with an operator, and a list may be one text', () => {
  const schema = Type.Object({
    'createdAt[gte]': Type.Optional(Type.String({ format: 'date-time' })),
    'gameId[in]': Type.Unsafe({ type: 'array', items: { type: 'integer' }, separator: ',', maxItems: 3 }),
    'size[lt]': Type.Integer({ default: 5 }),
  });
  assert.deepEqual(readTexts(schema, { 'created_at[gte]': '2026-01-01T00:00:00Z', 'game_id[in]': '1,2' }).value, {
    'createdAt[gte]': '2026-01-01T00:00:00Z',
    'gameId[in]': [1, 2],
    'size[lt]': 5,
  });
  assert.deepEqual(readTexts(schema, { 'created_at[gte]': 'x', 'game_id[in]': '1,,2', 'created_at[gt]': '1' }).problems, [
    { field: 'query.created_at[gte]', message: 'must be a moment such as 2026-11-20T09:30:00Z' },
    { field: 'query.game_id[in][1]', message: 'must be a whole number' },
    { field: 'query.created_at[gt]', message: 'is not a known field' },
  ]);
  assert.equal(readTexts(schema, { 'game_id[in]': '1,2,3,4' }).problems[0]?.message, 'must have at most 3 items');
  assert.equal(write(Type.Object({ 'madeBy[is]': Type.String() }), { 'madeBy[is]': 'Ann' }), '{"made_by[is]":"Ann"}');
  assert.doesNotMatch(JSON.stringify(describeShape(readShape(schema, 'test'), 'in')), /separator/u);
  for (const name of ['a[b', 'a]', 'a[]', 'a[B]', 'a[b][c]', '[a]', 'a["b"]', 'a[b];c']) {
    assert.throws(
      () => readShape(Type.Object({ [name]: Type.String() }), 'test'),
      (error) => isKeelsonError(error, 'MISUSE'),
      name,
    );
  }
});

test('a NUL character among texts is malformed', () => {
  assert.throws(
    () => readTexts(Type.Object({ name: Type.String() }), { name: 'a\0b' }),
    (error) => isKeelsonError(error, 'MALFORMED_REQUEST'),
  );
});

test('exactly the declared properties leave, in the names of the wire', () => {
  class User {
    id = '1';
    fullName: string | null = null;
    passwordHash = 'secret';
    createdAt = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
    get isActive(): boolean {
      return true;
    }
  }
  const schema = Type.Object({
    id: Type.String(),
    fullName: Type.Union([Type.String(), Type.Null()]),
    isActive: Type.Boolean(),
    createdAt: Type.String({ format: 'date-time' }),
  });
  const expected = '{"id":"1","full_name":null,"is_active":true,"created_at":"2026-01-02T03:04:05.006Z"}';
  assert.equal(write(schema, new User()), expected);
  assert.equal(write(Type.Object({ items: Type.Array(schema) }), { items: [new User()] }), `{"items":[${expected}]}`);
});

test('text of a moment leaves as it is', () => {
  assert.equal(write(Type.String({ format: 'date-time' }), '2026-01-02T03:04:05.006789Z'), '"2026-01-02T03:04:05.006789Z"');
});

test('what is undefined is left out, or null, as the schema says', () => {
  const nullable = Type.Union([Type.String(), Type.Null()]);
  const schema = Type.Object({
    a: nullable,
    b: Type.Optional(Type.String()),
    c: Type.Optional(nullable),
    d: Type.Unknown(),
    e: Type.Optional(Type.Unknown()),
  });
  assert.equal(write(schema, {}), '{"a":null,"d":null}');
  assert.equal(write(schema, { a: null, b: null, c: null, d: null, e: null }), '{"a":null,"c":null,"d":null,"e":null}');
});

test('an answer that does not fit fails loudly, naming the place and not the value', () => {
  const schema = Type.Object({
    items: Type.Array(Type.Object({ userName: Type.String() })),
    count: Type.Integer(),
    at: Type.String({ format: 'date-time' }),
  });
  const good = { items: [], count: 0, at: '' };
  const wrong: [unknown, string][] = [
    [{ ...good, items: [{ userName: { secret: 1 } }] }, 'GET /test.items[].user_name is object where its schema says a text'],
    [{ ...good, items: {} }, 'GET /test.items is object where its schema says a list'],
    [{ ...good, count: Number.NaN }, 'GET /test.count is number where its schema says a whole number'],
    [{ ...good, at: new Date(Number.NaN) }, 'GET /test.at is object where its schema says a moment'],
    [{ ...good, at: null }, 'GET /test.at is null where its schema says a moment'],
    [undefined, 'GET /test is undefined where its schema says an object'],
  ];
  for (const [value, message] of wrong) assert.throws(() => write(schema, value), { message: `The answer of ${message}.` });
});

test('of a choice of objects the one that is meant is written, and nothing of the others', () => {
  const schema = Type.Array(
    Type.Union([
      Type.Object({ kind: Type.Literal('cat'), lifeCount: Type.Integer() }),
      Type.Object({ kind: Type.Literal('dog'), barkCount: Type.Integer() }),
      Type.String(),
      Type.Null(),
    ]),
  );
  const given = [{ kind: 'dog', barkCount: 1, lifeCount: 9 }, { kind: 'cat', lifeCount: 9 }, 'x', null];
  assert.equal(write(schema, given), '[{"kind":"dog","bark_count":1},{"kind":"cat","life_count":9},"x",null]');
  assert.throws(
    () => write(schema, [{ kind: 'cow' }]),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});

test('bytes travel as base64, both ways', () => {
  const schema = Type.Unsafe<Uint8Array>({ type: 'string', contentEncoding: 'base64' });
  assert.equal(write(schema, new Uint8Array([1, 2, 255])), '"AQL/"');
  assert.deepEqual(read(Type.Object({ data: schema }), { data: 'AQL/' }).value, { data: Buffer.from([1, 2, 255]) });
  assert.deepEqual(read(Type.Object({ data: schema }), { data: 'A$' }).problems, [{ field: 'body.data', message: 'must be base64' }]);
});

test('the document shows the names of the wire; what comes in is closed', () => {
  const schema = Type.Object({ pageSize: Type.Integer({ default: 20, minimum: 1 }), sortBy: Type.Optional(Type.String()) });
  const properties = { page_size: { type: 'integer', default: 20, minimum: 1 }, sort_by: { type: 'string' } };
  const shape = readShape(schema, 'x');
  assert.deepEqual(describeShape(shape, 'in'), { type: 'object', properties, additionalProperties: false });
  assert.deepEqual(describeShape(shape, 'out'), { type: 'object', properties, required: ['page_size'] });
});
