/** The statements of a worker: claim, each with the database's clock alone, and give back, by who still holds the lease. */
import { encodeArray } from '../schema/encode.ts';
import { quoteName, quoteText, type Statement, type Statements } from '../schema/sql.ts';
import type { WorkerTarget } from './worker-check.ts';

/** One claim. */
export interface ClaimRequest {
  readonly owner: number;
  /** The state in which the rows wait. */
  readonly state: string;
  readonly max: number;
  readonly leaseMs: number;
  /** Where the last claim ended, as text: what lies before was claimed. */
  readonly watermark: string | undefined;
}

/** One row that goes back to where it waits. */
export interface GivenBack {
  readonly key: string;
  readonly owner: number;
  readonly epoch: number;
  /** Not claimed before so long from now; 0 leaves the row as it was. */
  readonly waitMs: number;
  /** Whether the attempt counts. */
  readonly isCounted: boolean;
}

/** The statements of one worker. */
export class ClaimSql {
  readonly #statements: Statements;
  readonly #target: WorkerTarget;
  readonly #giveBack: string;
  readonly #claims = new Map<string, string>();

  constructor(target: WorkerTarget, statements: Statements) {
    this.#statements = statements;
    this.#target = target;
    this.#giveBack = giveBackText(target, statements.namespace);
  }

  /** Leases rows that wait, the first in order first, and moves them to where the worker starts. */
  claim({ owner, state, max, leaseMs, watermark }: ClaimRequest): Statement {
    const kind = `${watermark === undefined ? '' : 'on '}${state}`;
    const text = this.#claims.get(kind) ?? claimText(this.#target, this.#statements.namespace, { state, isOn: watermark !== undefined });
    this.#claims.set(kind, text);
    const values = [String(owner), String(leaseMs), String(max)];
    return { text, name: this.#statements.name(text), values: watermark === undefined ? values : [...values, watermark] };
  }

  /** Frees rows that are still held, and moves them back; gives the keys of those that were. */
  giveBack(rows: readonly GivenBack[]): Statement {
    const sorted = rows.toSorted((left, right) => (left.key < right.key ? -1 : 1));
    const column = (of: (row: GivenBack) => string): string => encodeArray(sorted.map(of), (value) => String(value));
    return {
      text: this.#giveBack,
      name: this.#statements.name(this.#giveBack),
      values: [
        column(({ key }) => key),
        column(({ owner }) => String(owner)),
        column(({ epoch }) => String(epoch)),
        column(({ waitMs }) => String(waitMs)),
        column(({ isCounted }) => (isCounted ? '0' : '1')),
      ],
    };
  }
}

function claimText(target: WorkerTarget, namespace: string, { state, isOn }: { state: string; isOn: boolean }): string {
  const { table, key, order, start, meta } = target;
  const place = `${quoteName(namespace)}.${quoteName(table.name)}`;
  const stateName = quoteName(target.state.name);
  // A literal, so that an index for this state alone can be used whatever plan the server keeps.
  const isWaiting = `${stateName} = ${quoteText(state)} and lease_owner is null`;
  const sets = [
    'lease_owner = $1::int',
    'lease_epoch = lease_epoch + 1',
    "lease_until = now() + $2::float8 * interval '1 millisecond'",
    'attempts = attempts + 1',
  ];
  if (start !== undefined) sets.push(`${stateName} = ${quoteText(start)}`);
  if (meta.versionColumn !== undefined) sets.push(`${quoteName(meta.versionColumn.name)} = ${quoteName(meta.versionColumn.name)} + 1`);
  const since = isOn ? ` and ${quoteName(order.name)} >= $4` : '';
  const keyName = quoteName(key.name);
  const first = `select ${keyName} from ${place} where ${isWaiting} and available_at <= now()${since} order by ${quoteName(order.name)}, ${keyName} limit $3::int for update skip locked`;
  const columns = table.columns.map((column) => quoteName(column.name)).join(', ');
  // Nothing of the state outside: the planner would read an index of all rows that wait, to find those that were named.
  return `update ${place} set ${sets.join(', ')} where ${keyName} = any(array(${first})) and lease_owner is null returning ${columns}`;
}

function giveBackText({ table, key, state, giveBack, meta }: WorkerTarget, namespace: string): string {
  const place = `${quoteName(namespace)}.${quoteName(table.name)}`;
  const sets = [
    'lease_owner = null',
    'lease_until = null',
    'attempts = greatest(t.attempts - v.uncounted, 0)',
    "available_at = case when v.wait_ms > 0 then now() + v.wait_ms * interval '1 millisecond' else t.available_at end",
  ];
  if (giveBack !== undefined) sets.push(`${quoteName(state.name)} = ${quoteText(giveBack)}`);
  if (meta.versionColumn !== undefined) sets.push(`${quoteName(meta.versionColumn.name)} = t.${quoteName(meta.versionColumn.name)} + 1`);
  const keyType = key.lengthMax === undefined ? key.sqlType : 'varchar';
  const source = `unnest($1::${keyType}[], $2::int[], $3::int[], $4::float8[], $5::int[]) as v(key, owner, epoch, wait_ms, uncounted)`;
  return `update ${place} as t set ${sets.join(', ')} from ${source} where t.${quoteName(key.name)} = v.key and t.lease_owner = v.owner and t.lease_epoch = v.epoch returning t.${quoteName(key.name)}`;
}
