/** Rules about what a revision leaves behind: keys, policies, counters, enums that lost a value. */
import type { SqlStatement } from '../statements.ts';
import { bare, columnsOf, type Hit } from './step.ts';
import type { ColumnState, State, TableState } from './observe.ts';

/** A revision that was run to its end. */
export interface Ending {
  readonly existing: State;
  readonly end: State;
  readonly isContract: boolean;
  /** The statement that made, changed or dropped an object first, by the object's id. */
  readonly origins: ReadonlyMap<string, SqlStatement>;
}

/** What is said of the object with this id; the finding stands where its origin does. */
export interface EndHit extends Hit {
  readonly id: string;
}

/** Everything to say of the end of a revision but the counters, which need a question of their own. */
export function endHits(ending: Ending): readonly EndHit[] {
  return [...keyHits(ending), ...tenantHits(ending), ...policyHits(ending), ...enumHits(ending)];
}

function keyHits({ existing, end }: Ending): readonly EndHit[] {
  return tables(end).flatMap((table) => {
    if (existing.tables.has(table.id) || table.hasKey || table.isPartition) return [];
    return [
      {
        rule: 'no-primary-key' as const,
        id: table.id,
        message: `The table ${table.name} has no primary key: replication cannot tell its rows apart, and no single one can be named.`,
        safeWay: `-- where the table is made:\nid uuid not null default uuidv7() constraint ${bare(table.name)}_pkey primary key`,
      },
    ];
  });
}

/** The names of the columns that tell whose a row is: `tenant_id`, and those that policies compare with a setting of the session. */
function tenantNames(state: State): ReadonlySet<string> {
  const policed = [...state.columns.values()].filter((column) => column.isPoliced && column.name.endsWith('_id'));
  return new Set(['tenant_id', ...policed.map((column) => column.name)]);
}

function tenantHits({ existing, end, origins }: Ending): readonly EndHit[] {
  const names = tenantNames(end);
  return tables(end).flatMap((table) => {
    const before = existing.tables.get(table.id);
    if (isGuarded(table) || table.isPartition) return [];
    const column = columnsOf(end, table.id).find(({ name }) => names.has(name));
    const lost = before !== undefined && isGuarded(before);
    const isNew = column !== undefined && (before === undefined || !existing.columns.has(column.id));
    if (!lost && !isNew) return [];
    const name = column?.name ?? 'tenant_id';
    const what = lost
      ? `The rows of ${table.name} were guarded by a policy, and are no longer`
      : `No policy guards the rows of ${table.name}, which has a ${name}`;
    const id = isNew && before !== undefined && origins.has(column.id) ? column.id : table.id;
    return [
      {
        rule: 'tenant-without-policy' as const,
        id,
        message: `${what}: a query that forgets it shows those of everybody.`,
        safeWay: policyFor(table, name, end),
      },
    ];
  });
}

function isGuarded(table: TableState): boolean {
  return table.hasRowSecurity && table.policies > 0;
}

function policyFor(table: TableState, column: string, end: State): string {
  const type = columnsOf(end, table.id).find(({ name }) => name === column)?.type ?? 'uuid';
  return [
    `alter table ${table.name} enable row level security;`,
    `alter table ${table.name} force row level security;`,
    `create policy ${bare(table.name)}_tenant_policy on ${table.name}`,
    `  using (${column} = nullif(current_setting('app.${bare(column)}', true), '')::${type});`,
  ].join('\n');
}

function policyHits({ existing, end }: Ending): readonly EndHit[] {
  return tables(end).flatMap((table) => {
    const before = existing.tables.get(table.id);
    const wasSo = before !== undefined && before.policies > 0 && !before.hasRowSecurity;
    if (table.policies === 0 || table.hasRowSecurity || wasSo || (before !== undefined && isGuarded(before))) return [];
    return [
      {
        rule: 'policy-without-effect' as const,
        id: table.id,
        message: `${table.name} has a policy, but row-level security is not switched on: it holds for nobody.`,
        safeWay: `alter table ${table.name} enable row level security;\nalter table ${table.name} force row level security;`,
      },
    ];
  });
}

/** Enums by name, since a value is removed by making the type anew under its name. */
function enumHits({ existing, end, isContract }: Ending): readonly EndHit[] {
  if (isContract) return [];
  const left = new Map<string, Set<string>>();
  for (const { enumName, value } of end.enumValues.values()) left.set(enumName, (left.get(enumName) ?? new Set()).add(value));
  return [...existing.enumValues.values()].flatMap(({ id, enumId, enumName, value }) => {
    // With the same id it only has another name, which is another rule's matter.
    if (end.enumValues.has(id) || left.get(enumName)?.has(value) !== false) return [];
    return [
      {
        rule: 'enum-value-removed' as const,
        id: enumId,
        message: `The value ${JSON.stringify(value)} of ${enumName} is gone at once: code that runs fails where it writes it, and so does the revision where a row holds it.`,
        safeWay: [
          '-- move the rows that hold it to another value first, in batches; then',
          '-- in a later revision with `-- phase: contract` above `-- up`, when no code that runs knows it any more:',
          `--   npx keelson migrate new "remove ${value}" --drop ${bare(enumName)}.${value}`,
        ].join('\n'),
      },
    ];
  });
}

/** The columns that a sequence fills since this revision, in tables that were there before. */
export function newlyCounted({ existing, end }: Pick<Ending, 'existing' | 'end'>): readonly { table: TableState; column: ColumnState }[] {
  return tables(end).flatMap((table) => {
    if (!existing.tables.has(table.id)) return [];
    return columnsOf(end, table.id).flatMap((column) => {
      const before = existing.columns.get(column.id);
      const isNew = before !== undefined && column.sequence !== null && isCounted(column) && isOther(before, column);
      return isNew ? [{ table, column }] : [];
    });
  });
}

function isCounted(column: ColumnState): boolean {
  return column.isIdentity || (column.default ?? '').startsWith('nextval(');
}

function isOther(before: ColumnState, column: ColumnState): boolean {
  return before.isIdentity !== column.isIdentity || before.sequence !== column.sequence || !isCounted(before);
}

/** Says that a counter starts below what the rows hold. */
export function counterHit(table: TableState, column: ColumnState): EndHit {
  const from = `pg_get_serial_sequence('${table.name}', '${bare(column.name)}')`;
  return {
    rule: 'identity-counter',
    id: column.id,
    message: `The counter of ${table.name}.${column.name} begins below the numbers that the rows hold: the next insert fails with a duplicate key, or takes a number that was given before.`,
    safeWay: `select setval(${from}, coalesce((select max(${column.name}) from ${table.name}), 0) + 1, false);`,
  };
}

function tables(state: State): readonly TableState[] {
  return [...state.tables.values()].filter((table) => table.kind === 'table' || table.kind === 'partitioned');
}
