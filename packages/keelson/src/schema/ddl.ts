/** Tables as DDL: the statements that make them in a namespace, and those that take them away again. */
import { KeelsonError } from '../errors.ts';
import { encodeColumn } from './codec.ts';
import type { EnumType } from './column.ts';
import { constraintName } from './names.ts';
import { renderPolicies, renderPoliciesDown } from './policy.ts';
import type { DdlObject } from './raw-ddl.ts';
import { asSql, literal, quoteName, quoteText, toText } from './sql.ts';
import { type AnyTable, type ColumnInfo, type Constraint, isHandle, type Part, tableInfo, type TableInfo } from './table.ts';

/** Statements that run in this order. */
export interface SchemaText {
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/**
 * The DDL of tables: namespace, functions, enums, tables, indexes, foreign keys, triggers, policies; `down` takes away the same.
 *
 * Raw DDL comes last, in the order of its declaration, but for what tables may be made of: extensions, types, domains. `down` leaves out
 * the objects of the model, which only the planner knows how to take away; what hangs on a table goes with it.
 *
 * @throws MISUSE when two tables or two enums have one name, or a reference points to a table that is not in the list
 */
export function renderSchema(tables: readonly AnyTable[], namespace: string, objects: readonly DdlObject[] = []): SchemaText {
  const infos = tables.map(tableInfo);
  refuseTwice(
    infos.map((table) => table.name),
    'tables',
  );
  const enums = enumsOf(infos);
  refuseTwice(
    enums.map((type) => type.enumName),
    'enums',
  );
  const place = quoteName(namespace);
  const touched = infos.filter((table) => table.columns.some((column) => column.role === 'updatedAt'));
  const raw = [...infos.flatMap((table) => table.constraints.filter(isRaw)), ...objects].map((object) => renderRaw(object, namespace));
  const up = [
    ...(namespace === 'public' ? [] : [`create schema if not exists ${place};`]),
    ...raw.filter((text) => GROUND.test(text)),
    // Always, so that the first made key of an app is no change to functions.
    ...(infos.length > 0 ? [uuidFallback(place)] : []),
    ...(touched.length > 0 ? [touchFunction(place)] : []),
    ...enums.map((type) => `create type ${place}.${quoteName(type.enumName)} as enum (${type.values.map(quoteText).join(', ')});`),
    ...infos.map((table) => renderTable(table, namespace)),
    ...infos.flatMap((table) => table.constraints.flatMap((constraint) => renderIndex(table, constraint, namespace))),
    ...infos.flatMap((table) => renderReferences(table, tables, namespace)),
    ...touched.map((table) => touchTrigger(table, place)),
    // After all tables: a policy may ask any of them.
    ...infos.flatMap((table) => renderPolicies(table, namespace)),
    ...raw.filter((text) => !GROUND.test(text)),
  ];
  return { up, down: [...infos.toReversed().flatMap((table) => renderPoliciesDown(table, namespace)), ...renderDown(infos, enums, place)] };
}

/** The SQL type of a column, an enum qualified by its namespace. */
export function columnType(column: ColumnInfo, namespace: string): string {
  const base = column.enumType === undefined ? column.sqlType : column.enumType[asSql](namespace);
  return column.isArray ? `${base}[]` : base;
}

function enumsOf(tables: readonly TableInfo[]): EnumType[] {
  const types = tables.flatMap((table) => table.columns.flatMap((column) => column.enumType ?? []));
  return [...new Set(types)];
}

/** What columns may be made of, and therefore comes before them. */
const GROUND = /^create\s+(?:extension|type|domain|collation|sequence)\b/iu;

function isRaw(constraint: Constraint): constraint is DdlObject {
  return constraint.kind === 'ddl';
}

function renderRaw(object: DdlObject, namespace: string): string {
  const text = toText(object.text, namespace).trim();
  return text.endsWith(';') ? text : `${text};`;
}

function renderTable(table: TableInfo, namespace: string): string {
  const inline = table.primaryKey.length === 1;
  const lines = table.columns.map((column) => renderColumn(column, namespace, inline));
  if (!inline && table.primaryKey.length > 0) {
    lines.push(`constraint ${quoteName(constraintName(table.name, [], 'pkey'))} primary key (${names(table.primaryKey)})`);
  }
  for (const column of table.columns) {
    if (column.isUnique)
      lines.push(`constraint ${quoteName(constraintName(table.name, [column.name], 'key'))} unique (${quoteName(column.name)})`);
  }
  for (const constraint of table.constraints) lines.push(...renderConstraint(table, constraint, namespace));
  return `create table ${quoteName(namespace)}.${quoteName(table.name)} (\n  ${lines.join(',\n  ')}\n);`;
}

function renderColumn(column: ColumnInfo, namespace: string, keyInline: boolean): string {
  const parts = [quoteName(column.name), columnType(column, namespace)];
  if (!column.isNullable) parts.push('not null');
  const fallback = defaultOf(column, namespace);
  if (column.generatedSql !== undefined) parts.push(`generated always as (${toText(column.generatedSql, namespace)}) stored`);
  else if (column.isIdentity) parts.push('generated by default as identity');
  else if (fallback !== undefined) parts.push(`default ${fallback}`);
  if (keyInline && column.isKey) parts.push(`constraint ${quoteName(constraintName(column.table, [], 'pkey'))} primary key`);
  return parts.join(' ');
}

function defaultOf(column: ColumnInfo, namespace: string): string | undefined {
  if (column.role === 'key') return 'uuidv7()';
  if (column.role === 'createdAt' || column.role === 'updatedAt') return 'now()';
  if (column.defaultSql !== undefined) return toText(column.defaultSql, namespace);
  if (column.defaultValue === undefined) return undefined;
  if (typeof column.defaultValue === 'number' || typeof column.defaultValue === 'boolean') return literal(column.defaultValue);
  // Without a cast: an explicit one to varchar(n) would cut a default that is too long, silently.
  return literal(encodeColumn(column, column.defaultValue));
}

function renderConstraint(table: TableInfo, constraint: Constraint, namespace: string): string[] {
  if (constraint.kind === 'unique') {
    const columns = constraint.columns.map((handle) => columnNamed(table, handle.key));
    const name = constraintName(
      table.name,
      columns.map((column) => column.name),
      'key',
    );
    return [`constraint ${quoteName(name)} unique (${names(columns)})`];
  }
  if (constraint.kind !== 'check') return [];
  const mentioned = constraint.condition.values.filter(isHandle).map((handle) => columnNamed(table, handle.key).name);
  const name = constraint.name ?? constraintName(table.name, [...new Set(mentioned)], 'check');
  return [`constraint ${quoteName(name)} check (${toText(constraint.condition, namespace)})`];
}

function renderIndex(table: TableInfo, constraint: Constraint, namespace: string): string[] {
  if (constraint.kind !== 'index') return [];
  const { parts, options, isUnique } = constraint;
  const name =
    options.name ??
    constraintName(
      table.name,
      parts.map((part) => partName(table, part)),
      'idx',
    );
  const using = options.using === undefined ? '' : ` using ${options.using}`;
  const include = options.include === undefined ? '' : ` include (${names(options.include.map(({ key }) => columnNamed(table, key)))})`;
  const nulls = options.nullsNotDistinct === true ? ' nulls not distinct' : '';
  const where = options.where === undefined ? '' : ` where ${toText(options.where, namespace)}`;
  const covered = parts.map((part) => (isHandle(part) ? part[asSql](namespace) : `(${toText(part, namespace)})`)).join(', ');
  const target = `${quoteName(namespace)}.${quoteName(table.name)}`;
  return [`create ${isUnique ? 'unique ' : ''}index ${quoteName(name)} on ${target}${using} (${covered})${include}${nulls}${where};`];
}

function partName(table: TableInfo, part: Part): string {
  if (isHandle(part)) return columnNamed(table, part.key).name;
  const mentioned = part.values.filter(isHandle).map((handle) => columnNamed(table, handle.key).name);
  if (mentioned.length > 0) return mentioned.join('_');
  throw new KeelsonError('MISUSE', { message: `An index of ${table.name} over an expression without a column needs a name.` });
}

function renderReferences(table: TableInfo, tables: readonly AnyTable[], namespace: string): string[] {
  return table.columns.flatMap((column) => {
    if (column.target === undefined) return [];
    const target = referenced(column, tables);
    const name = constraintName(table.name, [column.name], 'fkey');
    const rules = [
      ...(column.onDelete === 'no action' ? [] : [` on delete ${column.onDelete}`]),
      ...(column.onUpdate === 'no action' ? [] : [` on update ${column.onUpdate}`]),
      ...(column.deferrable === undefined ? [] : [` deferrable ${column.deferrable}`]),
    ].join('');
    const place = quoteName(namespace);
    return [
      `alter table ${place}.${quoteName(table.name)} add constraint ${quoteName(name)}\n` +
        `  foreign key (${quoteName(column.name)}) references ${place}.${quoteName(target.name)} ("id")${rules};`,
    ];
  });
}

/** The table that a foreign key points to, out of a list of tables. */
export function referenced(column: ColumnInfo, tables: readonly AnyTable[]): TableInfo {
  const declared: unknown = column.target?.();
  const target = tables.find((candidate) => candidate === declared);
  if (target === undefined) {
    throw new KeelsonError('MISUSE', {
      message: `${column.table}.${column.name} refers to a table that is not in the app's list of tables.`,
      hint: 'Add the table to `tables`.',
    });
  }
  return tableInfo(target);
}

function renderDown(tables: readonly TableInfo[], enums: readonly EnumType[], place: string): string[] {
  const withReferences = tables.flatMap((table) => table.columns.filter((column) => column.target !== undefined));
  return [
    ...withReferences.map(
      (column) =>
        `alter table ${place}.${quoteName(column.table)} drop constraint ${quoteName(constraintName(column.table, [column.name], 'fkey'))};`,
    ),
    ...tables.toReversed().map((table) => `drop table ${place}.${quoteName(table.name)};`),
    ...enums.toReversed().map((type) => `drop type ${place}.${quoteName(type.enumName)};`),
    ...(tables.some((table) => table.columns.some((column) => column.role === 'updatedAt'))
      ? [`drop function ${place}.touch_updated_at();`]
      : []),
    ...(tables.length > 0 ? [`drop function if exists ${place}.uuidv7();`] : []),
  ];
}

function columnNamed(table: TableInfo, key: string): ColumnInfo {
  const column = table.byKey.get(key);
  if (column === undefined) throw new KeelsonError('MISUSE', { message: `The table ${table.name} has no column ${key}.` });
  return column;
}

function names(columns: readonly ColumnInfo[]): string {
  return columns.map((column) => quoteName(column.name)).join(', ');
}

function refuseTwice(all: readonly string[], what: string): void {
  const twice = all.find((name, index) => all.indexOf(name) !== index);
  if (twice !== undefined) throw new KeelsonError('MISUSE', { message: `Two ${what} have the name ${twice}.` });
}

/** On a server below 18 an equal of its `uuidv7()`, in the namespace; RFC 9562, section 5.7, sub-millisecond part as method 3. */
function uuidFallback(place: string): string {
  return `do $keelson$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is null then
    create function ${place}.uuidv7() returns uuid
      language sql volatile parallel safe
      as $body$
        select encode(
          set_byte(
            set_byte(
              overlay(
                uuid_send(gen_random_uuid())
                placing substring(int8send((extract(epoch from t) * 1000)::numeric(20, 3)::bigint) from 3)
                from 1 for 6
              ),
              6, 112 | (fraction >> 8)
            ),
            7, fraction & 255
          ), 'hex')::uuid
        from (select clock_timestamp() as t) as clock,
          lateral (select ((extract(microseconds from t)::bigint % 1000) * 4096 / 1000)::int as fraction) as part
      $body$;
  end if;
end
$keelson$;`;
}

function touchFunction(place: string): string {
  return `create function ${place}.touch_updated_at() returns trigger
  language plpgsql
  as $body$
begin
  -- The unit of work sets the column itself; this serves every other writer.
  if new.updated_at is not distinct from old.updated_at then
    new.updated_at := now();
  end if;
  return new;
end
$body$;`;
}

function touchTrigger(table: TableInfo, place: string): string {
  return `create trigger ${quoteName(`${table.name}_touch_updated_at`)} before update on ${place}.${quoteName(table.name)}
  for each row execute function ${place}.touch_updated_at();`;
}
