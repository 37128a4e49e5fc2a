/** What the type checker must refuse of a worker, and what it must know. */
import { timestamptz, uuid, integer } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { leaseColumns } from './lease.ts';
import { defineWorkers } from './worker.ts';

const lampState = enumType('lamp_state', ['off', 'lit', 'broken']);
const lamps = table('lamps', { id: uuid().primaryKey(), state: lampState(), watts: integer(), at: timestamptz(), ...leaseColumns() });
const cycle = lifeCycle(lamps.state, { off: ['lit', 'broken'], lit: [], broken: [] });

class Lamp extends entity(lamps, cycle) {
  light(watts: number): void {
    this.move('lit', { watts });
  }

  break(): void {
    this.move('broken');
  }
}
class LampRepository extends repository(Lamp) {}
const model = defineModel({ name: 'lamps', tables: [lamps], repositories: { lamps: LampRepository } });
const { worker } = defineWorkers<typeof model.repositories, { readonly price: number }>(model);

/** A worker whose parts fit. */
export const good = worker('lighting', {
  claim: { from: 'lamps', in: 'off', orderBy: 'at' },
  run: async (lamp, { services, attempt }) => ({ lit: lamp.watts * services.price + attempt }),
  done: (lamp, result, unit) => {
    lamp.light(result.lit);
    unit.lamps.remove(lamp);
    // @ts-expect-error -- no such field in what run gives
    void result.other;
  },
  fail: (lamp, error) => {
    void error.message;
    lamp.break();
  },
});

/** One run for many. */
export const gathered = worker('gathering', {
  claim: { from: 'lamps', in: ['off'], orderBy: 'at' },
  gather: { max: 50, waitMs: 5, run: async (all) => all.length },
  done: (lamp, count) => lamp.light(count.valueOf()),
  fail: (lamp) => lamp.break(),
});

/** What does not fit. */
export const wrong = worker('wrong', {
  claim: {
    from: 'lamps',
    // @ts-expect-error -- no such state
    in: 'on',
    // @ts-expect-error -- no such column
    orderBy: 'when',
  },
  run: async () => 1,
  done: (lamp) => lamp.break(),
  fail: (lamp) => lamp.break(),
});
