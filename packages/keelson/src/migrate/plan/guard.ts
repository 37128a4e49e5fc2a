/** What catalogs do not show but rows do: values of enums that are taken away while rows hold them, and counters that must go on where they were. */
import { quoteText } from '../../schema/sql.ts';
import type { ColumnItem, Inventory, Item } from './inventory.ts';
import { readableName } from '../sql-text.ts';

/** Statements that refuse, with the count and what to do, when rows still hold a value that an enum loses. */
export function guardsOf(from: Inventory, to: Inventory): readonly string[] {
  return from.list('enum').flatMap((type) => {
    const values = lostValues(type, to);
    const columns = from.columns.filter((column) => holds(column, type) && stays(column, to));
    return values.length === 0 || columns.length === 0 ? [] : [guard(type, values, columns)];
  });
}

/** Statements that set the counters of columns whose sequence is made anew. */
export function countersOf(from: Inventory, to: Inventory): readonly string[] {
  return to.columns.flatMap((column) => {
    const before = from.findColumn(column);
    if (before === undefined || !column.hasSequence || keepsSequence(before, column, from, to)) return [];
    const table = `${readableName(column.schema)}.${readableName(column.table)}`;
    const name = readableName(column.name);
    const next = `greatest(coalesce(max(${name}), 0) + 1, 1)`;
    return [`select setval(pg_get_serial_sequence(${quoteText(table)}, ${quoteText(column.name)}), ${next}, false) from ${table}`];
  });
}

/** Whether the sequence of a column was there before, with its counter. */
function keepsSequence(before: ColumnItem, after: ColumnItem, from: Inventory, to: Inventory): boolean {
  const sequence = to
    .list('sequence')
    .find(({ schema, table, parts }) => schema === after.schema && table === after.table && parts.includes(after.name));
  return (before.identity === '') === (after.identity === '') && sequence !== undefined && from.find(sequence) !== undefined;
}

/** The values that an enum has and will not have. */
export function lostValues(type: Item, to: Inventory): readonly string[] {
  const after = to.find(type);
  return after === undefined ? [] : type.parts.filter((value) => !after.parts.includes(value));
}

function holds(column: ColumnItem, type: Item): boolean {
  return column.enumSchema === type.schema && column.enumName === type.name && !column.isPartition;
}

function stays(column: ColumnItem, to: Inventory): boolean {
  const after = to.findColumn(column);
  return after !== undefined && after.enumName === column.enumName && after.enumSchema === column.enumSchema;
}

function guard(type: Item, values: readonly string[], columns: readonly ColumnItem[]): string {
  const list = values.map(quoteText).join(', ');
  const counts = columns.map((column) => {
    const name = readableName(column.name);
    const condition = column.isArray ? `${name}::text[] && array[${list}]` : `${name}::text in (${list})`;
    return `(select count(*) from ${tableOf(column)} where ${condition})`;
  });
  const first = columns[0] === undefined ? '' : `update ${tableOf(columns[0])} set ${readableName(columns[0].name)} = …`;
  const message = `% rows still hold ${values.join(', ')}, which ${type.schema}.${type.name} is to lose`
    .replaceAll('%', '%%')
    .replace('%%', '%');
  return `do ${QUOTE}
declare
  held bigint;
begin
  select ${counts.join('\n    + ')} into held;
  if held > 0 then
    raise exception ${quoteText(message)}, held
      using errcode = 'check_violation', hint = ${quoteText(`Give them another value first: ${first}`)};
  end if;
end
${QUOTE}`;
}

const QUOTE = '$guard$';

function tableOf({ schema, table }: ColumnItem): string {
  return `${readableName(schema)}.${readableName(table)}`;
}
