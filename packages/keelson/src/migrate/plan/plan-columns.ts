/** What the comparer makes too much of: columns and partitioned indexes that it would build anew although they can be changed where they stand. */
import { KeelsonError } from '../../errors.ts';
import { quoteName } from '../../schema/sql.ts';
import type { Change, ChangedObject } from './differ.ts';
import type { ColumnItem, Inventory } from './inventory.ts';

/**
 * The changes with every column kept that there is before and after; only one that becomes generated is built anew.
 *
 * @throws PLAN_FAILED when a table that stays would be dropped on the way, or a column becomes an array or stops being one
 */
export function keepingColumns(changes: readonly Change[], from: Inventory, to: Inventory): readonly Change[] {
  const kept = changes.flatMap((change) => {
    const dropped = columnOf(change, change.drops, 'DROP COLUMN');
    const made = columnOf(change, change.makes, 'ADD COLUMN');
    const column = dropped ?? made;
    const before = column && from.findColumn(column);
    const after = column && to.findColumn(column);
    if (before === undefined || after === undefined || after.isGenerated) return [withoutOnly(change, to)].flat();
    return dropped === undefined ? changed(change, before, after) : [];
  });
  for (const change of kept) refuseLoss(change, from, to);
  for (const column of from.columns) refuseArray(column, to.findColumn(column));
  return kept;
}

/** The index of a table of partitions makes those of the partitions. */
function withoutOnly(change: Change, to: Inventory): readonly Change[] {
  if (/^ALTER INDEX .* ATTACH PARTITION /.test(change.sql)) return [];
  const [made] = change.makes;
  if (made?.kind !== 'index' || change.verb !== 'create') return [change];
  const isOfPartition = !to.items.some(
    (item) => (item.kind === 'index' || item.kind === 'constraint') && item.schema === made.schema && item.name === made.name,
  );
  return isOfPartition ? [] : [{ ...change, sql: change.sql.replace(ONLY, '$1') }];
}

const ONLY = /^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")+"|[^ ]+) ON )ONLY /;

function columnOf({ sql }: Change, objects: readonly ChangedObject[], words: string): ChangedObject | undefined {
  const column = objects.find((object) => object.kind === 'column');
  return column !== undefined && sql.startsWith(`${tableWords(column)} ${words} `) ? column : undefined;
}

/** The column where it stands: without its expression, of another type or collation, with what else was declared. */
function changed(change: Change, before: ColumnItem, after: ColumnItem): readonly Change[] {
  const start = `${tableWords(before)} ALTER COLUMN ${quoteName(before.name)}`;
  const type = TYPE.exec(change.sql.slice(`${tableWords(before)} ADD COLUMN ${quoteName(before.name)} `.length))?.[1] ?? after.definition;
  const statements = [
    ...(before.isGenerated ? [`${start} DROP EXPRESSION`] : []),
    ...(before.isGenerated && before.definition === after.definition ? [] : [`${start} TYPE ${type}`]),
    ...(before.isNullable === after.isNullable ? [] : [`${start} ${after.isNullable ? 'DROP' : 'SET'} NOT NULL`]),
    ...(before.fallback === after.fallback
      ? []
      : [`${start} ${after.fallback === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${after.fallback}`}`]),
  ];
  return statements.map((sql) => ({ ...change, sql, verb: 'alter' }));
}

const TYPE = /^(.*?)(?: NOT NULL\b.*| DEFAULT .*| GENERATED .*)?$/s;

function tableWords({ schema, table }: Pick<ChangedObject, 'schema' | 'table'>): string {
  return `ALTER TABLE ${quoteName(schema)}.${quoteName(table)}`;
}

function refuseLoss(change: Change, from: Inventory, to: Inventory): void {
  if (change.verb !== 'drop') return;
  const table = change.drops.find(
    (object) => object.kind === 'table' && to.find({ ...object, kind: 'table' }) !== undefined && from.find({ ...object, kind: 'table' }),
  );
  if (table === undefined || !change.sql.startsWith('DROP TABLE ')) return;
  throw new KeelsonError('PLAN_FAILED', {
    message: `${table.schema}.${table.name} cannot be turned into what the tables say where it stands; its rows would be lost.`,
    hint: 'Make the new table under another name and move the rows, or write the revision by hand.',
    data: { sql: change.sql },
  });
}

/** PostgreSQL would read the old text as the literal of an array, which it hardly ever is. */
function refuseArray(before: ColumnItem, after: ColumnItem | undefined): void {
  if (after === undefined || before.isArray === after.isArray || after.isGenerated) return;
  const example = after.isArray ? `array[${before.name}]` : `${before.name}[1]`;
  throw new KeelsonError('PLAN_FAILED', {
    message: `How the values of ${before.schema}.${before.table}.${before.name} become those of another type cannot be known: ${before.definition} to ${after.definition}.`,
    hint: `Write the revision by hand, with \`using\` and the expression, as in: alter column ${before.name} type ${after.definition} using ${example}.`,
    data: { from: before.definition, to: after.definition },
  });
}
