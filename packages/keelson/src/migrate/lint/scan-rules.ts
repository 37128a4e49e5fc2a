/** Rules about constraints that PostgreSQL checks against every row while others wait. */
import type { ConstraintState } from './observe.ts';
import { bare, columnsOf, type Hit, isQuery, isRewritten, isScanned, type Step, type Touched, touchedTables } from './step.ts';

/** Constraints and NOT NULLs that were checked at once, and other reading of whole tables under a lock. */
export function scanHits(step: Step): readonly Hit[] {
  if (isQuery(step.statement)) return [];
  const scanned = touchedTables(step).filter((touched) => isScanned(touched) && !isRewritten(touched));
  const hits = scanned.flatMap((touched) => [...constraintHits(step, touched), ...notNullHits(step, touched)]);
  return hits.length > 0 ? hits : scanned.flatMap((touched) => otherHits(step, touched));
}

function constraintHits({ before, after }: Step, { after: table }: Touched): readonly Hit[] {
  return [...after.constraints.values()].flatMap((constraint) => {
    const isNew = constraint.table === table.id && constraint.isValidated && !before.constraints.has(constraint.id);
    if (!isNew || (constraint.kind !== 'f' && constraint.kind !== 'c')) return [];
    return [constraint.kind === 'f' ? foreignKeyHit(table.name, constraint) : checkHit(table.name, constraint)];
  });
}

function foreignKeyHit(table: string, { name, definition }: ConstraintState): Hit {
  const target = /REFERENCES (.+?)\(/.exec(definition)?.[1] ?? 'the other table';
  return {
    rule: 'foreign-key-scan',
    message: `PostgreSQL looks up every row of ${table} in ${target} under SHARE ROW EXCLUSIVE on both: nobody writes either until that is done.`,
    safeWay: inTwo(table, name, definition),
  };
}

function checkHit(table: string, { name, definition }: ConstraintState): Hit {
  return {
    rule: 'check-scan',
    message: `PostgreSQL checks every row of ${table} under ACCESS EXCLUSIVE: nobody reads or writes it until that is done.`,
    safeWay: inTwo(table, name, definition),
  };
}

function inTwo(table: string, name: string, definition: string): string {
  return [
    `alter table ${table} add constraint ${name} ${definition} not valid;`,
    '-- commit',
    `alter table ${table} validate constraint ${name};`,
  ].join('\n');
}

function notNullHits({ before, after }: Step, { after: table }: Touched): readonly Hit[] {
  return columnsOf(after, table.id).flatMap((column) => {
    if (!column.isNotNull || before.columns.get(column.id)?.isNotNull !== false) return [];
    const check = `${bare(table.name)}_${bare(column.name)}_not_null`;
    return [
      {
        rule: 'not-null-scan' as const,
        message: `PostgreSQL looks for nulls in every row of ${table.name} under ACCESS EXCLUSIVE: nobody reads or writes it until that is done.`,
        safeWay: [
          `alter table ${table.name} add constraint ${check} check (${column.name} is not null) not valid;`,
          '-- commit',
          `alter table ${table.name} validate constraint ${check};`,
          '-- commit',
          // Together in one statement the check would be gone before it could spare the scan.
          `alter table ${table.name} alter column ${column.name} set not null;`,
          `alter table ${table.name} drop constraint ${check};`,
        ].join('\n'),
      },
    ];
  });
}

/** What no other rule explains: a domain's check, a partition that is attached. */
function otherHits({ before, after, statement }: Step, { before: earlier, after: table }: Touched): readonly Hit[] {
  const mode = after.locks.get(table.id);
  // Building an index reads the table once.
  const built = [...after.indexes.values()].filter((index) => index.table === table.id && !before.indexes.has(index.id)).length;
  if (mode === undefined || before.locks.has(table.id) || table.scans - earlier.scans <= built) return [];
  if (statement.words.includes('concurrently')) return [];
  const who = mode === 'AccessExclusiveLock' ? 'reads or writes' : 'writes';
  return [
    {
      rule: 'scan-under-lock',
      message: `PostgreSQL reads the whole table ${table.name} under ${lockWords(mode)}: nobody ${who} it until that is done.`,
      safeWay: '-- Add the condition as a check with `not valid` first, `validate` it after a `-- commit`, and then run this statement.',
    },
  ];
}

/** `AccessExclusiveLock` → `ACCESS EXCLUSIVE`. */
export function lockWords(mode: string): string {
  return mode
    .replace(/Lock$/, '')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase();
}
