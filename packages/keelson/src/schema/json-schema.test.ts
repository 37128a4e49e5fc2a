/** Tables as JSON Schema: only the chosen columns, each as strict as the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { isKeelsonError } from '../errors.ts';
import { everything, tokens } from '../work/tokens.fixture.ts';
import { columnSchema, rowSchema } from './json-schema.ts';
import { tableInfo } from './table.ts';

test('chosen columns become a closed object; what is not chosen is not there', () => {
  const schema = rowSchema(tokens, ['id', 'status', 'metadataCid', 'mintTimestamp']);
  assert.deepEqual(Object.keys(schema.properties), ['id', 'status', 'metadataCid', 'mintTimestamp']);
  const checker = Compile(schema);
  const good = { id: '01a1f8a1-d055-7191-a3c1-d75ecf75c6cc', status: 'ready', metadataCid: null, mintTimestamp: '2026-01-01T00:00:00Z' };
  assert.ok(checker.Check(good));
  for (const bad of [
    { ...good, id: 'x' },
    { ...good, status: 'redy' },
    { ...good, metadataCid: 'x'.repeat(21) },
    { ...good, extra: 1 },
    { ...good, mintTimestamp: 'today' },
  ]) {
    assert.ok(!checker.Check(bad), JSON.stringify(bad));
  }
});

test('every kind of column has a schema', () => {
  const types = Object.fromEntries(
    tableInfo(everything).columns.map((column) => [column.key, JSON.parse(JSON.stringify(columnSchema(column)))]),
  );
  assert.deepEqual(types['key'], { type: 'string', maxLength: 20 });
  assert.deepEqual(types['flag'], { anyOf: [{ type: 'boolean' }, { type: 'null' }] });
  assert.deepEqual(types['ids'], { anyOf: [{ type: 'array', items: { type: 'string', format: 'uuid' } }, { type: 'null' }] });
  assert.deepEqual(types['serial'], { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 });
  assert.deepEqual(types['data'], { anyOf: [{}, { type: 'null' }] });
  assert.deepEqual(types['bytes'], { anyOf: [{ type: 'string', contentEncoding: 'base64' }, { type: 'null' }] });
  assert.deepEqual(types['big'], {
    anyOf: [{ type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }, { type: 'null' }],
  });
  assert.deepEqual(types['real'], { anyOf: [{ type: 'number' }, { type: 'null' }] });
  assert.deepEqual(types['day'], { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] });
});

test('a column that the table does not have is refused', () => {
  assert.throws(
    () => Reflect.apply(rowSchema, undefined, [tokens, ['nope']]),
    (error) => isKeelsonError(error, 'MISUSE'),
  );
});
