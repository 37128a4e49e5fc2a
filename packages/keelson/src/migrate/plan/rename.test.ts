/** Renames and drops as they are written on the command line, and the order in which names can be changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../../errors.ts';
import { type ColumnItem, Inventory, type Item } from './inventory.ts';
import { ordered, renameSteps, stepsBack } from './rename-steps.ts';
import { parseDrop, parseRename } from './rename.ts';

function item(kind: Item['kind'], schema: string, name: string, more: Partial<Item> = {}): Item {
  return { kind, schema, table: '', name, definition: '', parts: [], ...more };
}

function column(schema: string, table: string, name: string): ColumnItem {
  return {
    ...item('column', schema, name, { table, definition: 'text' }),
    isNullable: true,
    fallback: undefined,
    identity: '',
    isGenerated: false,
    hasSequence: false,
    enumSchema: '',
    enumName: '',
    isArray: false,
    isPartition: false,
  };
}

const inventory = new Inventory(
  [
    item('schema', 'app', 'app'),
    item('schema', 'larp', 'larp'),
    item('table', 'app', 'users'),
    item('table', 'larp', 'users'),
    item('table', 'app', 'Odd.Name'),
    item('enum', 'app', 'status', { parts: ['old', 'In Progress', 'a.b'] }),
  ],
  [column('app', 'users', 'nick'), column('app', 'users', 'Nick'), column('larp', 'users', 'nick'), column('app', 'Odd.Name', 'a:b')],
);

test('a rename is read with or without the schema, in small letters unless quoted, for every kind of object', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['users.nick:handle', 'column app users nick handle app'],
    ['USERS.NICK:Handle', 'column app users nick handle app'],
    ['users."Nick":"Handle"', 'column app users Nick Handle app'],
    ['larp.users.nick:users.handle', 'column larp users nick handle larp'],
    ['"Odd.Name"."a:b":c', 'column app Odd.Name a:b c app'],
    ['users:people', 'table app  users people app'],
    ['larp.users:people', 'table larp  users people larp'],
    ['users:larp.people', 'table app  users people larp'],
    ['status.old:New', 'enum value app status old New app'],
    ['status.In Progress:running', 'enum value app status In Progress running app'],
    ['status."a.b":c', 'enum value app status a.b c app'],
    ['enum status:state', 'enum app  status state app'],
    ['status:state', 'enum app  status state app'],
    ['schema larp:games', 'schema larp  larp games larp'],
  ];
  for (const [text, expected] of cases) {
    const { kind, schema, owner, from, to, toSchema } = parseRename(text, inventory, 'app');
    assert.equal([kind, schema, owner, from, to, toSchema].join(' '), expected, text);
  }
  assert.deepEqual(parseDrop('users.nick', inventory, 'app'), { kind: 'column', schema: 'app', owner: 'users', name: 'nick' });
});

test('what cannot be read, and what is not there, is refused with the way to write it', () => {
  for (const text of ['', 'users', 'users.nick', ':x', 'users:', 'users.nick:a:b', 'users.hat:cap', 'schema app.users:x', 'nothing:x']) {
    assert.throws(
      () => parseRename(text, inventory, 'app'),
      (error) => isKeelsonError(error, 'USAGE') && error.message.includes(text) && error.hint !== '',
      text,
    );
  }
  for (const text of ['', 'users.nick:x', 'users.hat', 'status.gone', '"users']) {
    assert.throws(
      () => parseDrop(text, inventory, 'app'),
      (error) => isKeelsonError(error, 'USAGE'),
      text,
    );
  }
});

test('a chain of names is changed from its end, and a ring by way of a name that nobody has', () => {
  const chain = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
  ];
  assert.deepEqual(ordered(chain), chain.toReversed());
  for (const size of [2, 3, 5]) {
    const ring = Array.from({ length: size }, (_, index) => ({ from: `n${index}`, to: `n${(index + 1) % size}` }));
    const names = new Map(ring.map(({ from }) => [from, from]));
    for (const { from, to } of ordered(ring)) {
      assert.equal(names.has(to), false, `${to} is free when ${from} takes it`);
      names.set(to, names.get(from) ?? '');
      names.delete(from);
    }
    assert.deepEqual(
      ring.map(({ to }) => names.get(to)),
      ring.map(({ from }) => from),
    );
  }
});

test('columns are renamed in the table as it is called by then, and the way back is the same backwards', () => {
  const steps = renameSteps(
    ['users.nick:handle', 'users:people', 'status.old:done', 'enum status:state'].map((text) => parseRename(text, inventory, 'app')),
    ['app', 'larp'],
  );
  assert.deepEqual(
    steps.map((step) => step.up),
    [
      'alter table "app"."users" rename to "people";',
      'alter type "app"."status" rename to "state";',
      'alter table "app"."people" rename column "nick" to "handle";',
      `alter type "app"."state" rename value 'old' to 'done';`,
    ],
  );
  assert.deepEqual(stepsBack(steps).at(-1), 'alter table "app"."people" rename to "users";');
});
