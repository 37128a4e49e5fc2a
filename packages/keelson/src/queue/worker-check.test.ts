/** A worker that cannot work is refused when it is declared, with what is wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integer, text, timestamptz, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { leaseColumns } from './lease.ts';
import { defineWorkers } from './worker.ts';

const lampState = enumType('lamp_state', ['off', 'lighting', 'lit', 'broken']);
const lamps = table('lamps', { id: uuid().primaryKey(), state: lampState(), at: timestamptz(), watts: integer(), ...leaseColumns() });
const cycle = lifeCycle(
  lamps.state,
  { off: ['lighting', 'broken'], lighting: ['lit'], lit: [], broken: [] },
  { redrive: { lighting: ['off'] } },
);
class Lamp extends entity(lamps, cycle) {}
class LampRepository extends repository(Lamp) {}

const notes = table('notes', { id: uuid().primaryKey(), state: lampState(), title: text() });
class Note extends entity(notes, lifeCycle(notes.state, { off: ['lit'], lighting: [], lit: [], broken: [] })) {}
class NoteRepository extends repository(Note) {}

const stateless = table('stateless', { id: uuid().primaryKey(), at: timestamptz(), ...leaseColumns() });
class Stateless extends entity(stateless) {}
class StatelessRepository extends repository(Stateless) {}

const model = defineModel({
  name: 'lamps',
  tables: [lamps, notes, stateless],
  repositories: { lamps: LampRepository, notes: NoteRepository, stateless: StatelessRepository },
});
const { worker } = defineWorkers<typeof model.repositories, unknown>(model);
const calls = { run: async () => 1, done: () => {}, fail: () => {} };
const claim = { from: 'lamps', in: 'off', orderBy: 'at' } as const;

test('a worker knows where its rows wait, where they are worked on, and how they go back', () => {
  const { target, limits } = worker('lighting', { claim, start: 'lighting', ...calls });
  assert.deepEqual([target.waiting, target.working, target.giveBack], [['off'], ['lighting'], 'off']);
  assert.equal(limits.concurrency, 10);
  const staying = worker('staying', { claim, ...calls });
  assert.deepEqual([staying.target.waiting, staying.target.working, staying.target.giveBack], [['off'], ['off'], undefined]);
});

test('a table without a lease or a life cycle has no workers', () => {
  assert.throws(
    () => worker('noting', { claim: { from: 'notes', in: 'off', orderBy: 'title' }, ...calls }),
    /claims from notes, which has no lease/,
  );
  assert.throws(
    // @ts-expect-error -- it has no states
    () => worker('plain', { claim: { from: 'stateless', in: 'off', orderBy: 'at' }, ...calls }),
    /claims from stateless, whose entity has no life cycle/,
  );
});

test('moves that the life cycle forbids are refused', () => {
  assert.throws(() => worker('odd', { claim, start: 'lit', ...calls }), /starts lit, to which no row moves from off/);
  assert.throws(() => worker('odd', { claim, start: 'broken', ...calls }), /has no way back from broken to where it claims/);
  assert.throws(() => worker('odd', { claim, start: 'lighting', giveBack: 'lit', ...calls }), /has no way back/);
  assert.throws(() => worker('odd', { claim, giveBack: 'off', ...calls }), /giveBack needs start/);
  assert.throws(() => worker('odd', { claim: { ...claim, in: [] }, ...calls }), /claims in no state/);
});

test('limits that make no sense are refused', () => {
  assert.throws(() => worker('odd', { claim, ...calls, concurrency: 0 }), /a concurrency of 0/);
  assert.throws(() => worker('odd', { claim, ...calls, batchMax: 1_001 }), /at most 1000 rows/);
  assert.throws(() => worker('odd', { claim, ...calls, retry: { baseMs: 10, capMs: 1 } }), /below its retry.baseMs/);
  assert.throws(() => worker('odd', { claim, done: () => {}, fail: () => {} }), /needs either run or gather/);
});
