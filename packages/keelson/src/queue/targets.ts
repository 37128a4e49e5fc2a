/** What the workers of a process claim from, as the sweeper and the heartbeats want to know it: one target for each table. */
import type { ColumnInfo } from '../schema/table.ts';
import type { Repositories } from '../work/model.ts';
import type { WorkerSource } from './backlog.ts';
import type { SweepTarget } from './sweep.ts';
import type { Worker } from './worker.ts';

type Claiming = Pick<Worker<Repositories, never>, 'target'>;

/** The names of the tables that workers claim from. */
export function leasedTables(workers: readonly Claiming[]): Set<string> {
  return new Set(workers.map(({ target }) => target.table.name));
}

/** The tables that workers claim from, each with the ways back from where its workers start. */
export function sweepTargets(
  workers: readonly (Claiming & { readonly limits: { readonly attemptsMax: number } })[],
): readonly SweepTarget[] {
  return [...leasedTables(workers)].flatMap((table) => {
    const ofTable = workers.filter(({ target }) => target.table.name === table);
    const [first] = ofTable;
    if (first === undefined) return [];
    const back = new Map(
      ofTable.flatMap(({ target: { start, giveBack } }) =>
        start === undefined || giveBack === undefined ? [] : [[start, giveBack] as const],
      ),
    );
    const { key, state } = first.target;
    // Rows that have used up their attempts go back too: who claims them next lets the worker's own `fail` say how they end.
    const attemptsMax = Math.max(...ofTable.map(({ limits }) => limits.attemptsMax));
    return [{ table, keyColumn: key.name, keyType: keyTypeOf(key), stateColumn: state.name, back, attemptsMax }];
  });
}

function keyTypeOf({ sqlType }: ColumnInfo): SweepTarget['keyType'] {
  return sqlType === 'uuid' || sqlType === 'bigint' || sqlType === 'integer' ? sqlType : 'text';
}

/** What a worker claims from, for those who count what waits. */
export function sourceOf({ name, target }: Claiming & { readonly name: string }): WorkerSource {
  const { table, state, waiting, working } = target;
  return { name, table: table.name, stateColumn: state.name, waiting, working };
}
