/** The way from one state to another as statements: what the comparer says, without its noise, guarded, and in an order that was run. */
import { isKeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { type Change, difference } from './differ.ts';
import { countersOf, guardsOf } from './guard.ts';
import type { Inventory } from './inventory.ts';
import { runInOrder } from './order.ts';
import { keepingColumns } from './plan-columns.ts';
import { keysOfRetyped, withoutNeedlessUsing } from './plan-retype.ts';
import type { State } from './plan-state.ts';
import { differences, readSnapshot } from './snapshot.ts';

/** Statements, cut where a transaction must end. */
export type Parts = readonly (readonly string[])[];

/** The statements from one state to another. Tables that are new are made by the words of `own`, where these say the same. */
export async function wayBetween(from: State, to: State, own: readonly string[] = []): Promise<Parts> {
  const found = clean(difference(await from.catalog(), await to.catalog()), from.inventory);
  const changes = await retyped(from, to, keepingColumns(found, from.inventory, to.inventory));
  if (changes.length === 0) return [];
  const boundaries = new Set(changes.filter(({ commitAfter }) => commitAfter).map(({ sql }) => sql));
  const guards = guardsOf(from.inventory, to.inventory);
  const isLarge = changes.filter(({ sql }) => TABLE.test(sql)).length > TABLES_MAX;
  const ordered = await triedWithKeys(from, to, { changes, own, needsCommits: isLarge || boundaries.size > 0 });
  // A value that was added can be used after a commit; all that are added go together, first.
  const added = ordered.filter((sql) => boundaries.has(sql));
  const others = ordered.filter((sql) => !boundaries.has(sql));
  const rest = [...others, ...countersOf(from.inventory, to.inventory)];
  const parts = added.length === 0 ? [[...guards, ...rest]] : [[...guards, ...added], rest];
  return parts.flatMap(inPortions).filter((part) => part.length > 0);
}

/** A table takes some 30 of the locks of a server, of which there are 6,400 usually: so many may come or go in one transaction. */
const TABLES_MAX = 100;

const TABLE = /^(?:create|drop) table /i;

/** Statements cut where a transaction would hold too many locks. */
export function inPortions(statements: readonly string[]): Parts {
  const parts: string[][] = [[]];
  let tables = 0;
  for (const statement of statements) {
    if (TABLE.test(statement)) tables += 1;
    if (tables > TABLES_MAX) {
      tables = 1;
      parts.push([]);
    }
    parts.at(-1)?.push(statement);
  }
  return parts;
}

async function retyped(from: State, to: State, changes: readonly Change[]): Promise<readonly Change[]> {
  if (!changes.some(({ sql }) => sql.includes(' USING '))) return changes;
  const connection = await from.shadow.connect();
  try {
    return await withoutNeedlessUsing(connection, changes, [from.inventory, to.inventory]);
  } finally {
    await connection.close();
  }
}

/** Takes out what says nothing: rights of the owner, which he has, twice the same, and defaults taken from columns that have none. */
export function clean(changes: readonly Change[], from: Inventory): readonly Change[] {
  const seen = new Set<string>();
  return changes
    .map((change) => ({ ...change, sql: withoutSemicolon(change.sql) }))
    .filter((change) => {
      if (seen.has(change.sql) || change.isOwnRight || isNoDefault(change, from)) return false;
      seen.add(change.sql);
      return true;
    });
}

interface Trial {
  readonly changes: readonly Change[];
  readonly own: readonly string[];
  readonly needsCommits: boolean;
}

/** Tries the statements; where a foreign key forbids that its two ends change their type one after the other, it is taken off meanwhile. */
async function triedWithKeys(from: State, to: State, trial: Trial): Promise<readonly string[]> {
  try {
    return await tried(from, to, trial);
  } catch (error) {
    const keys = keysOfRetyped(from.inventory, to.inventory);
    if (!isKeelsonError(error, 'PLAN_FAILED') || error.data?.['sqlState'] !== DATATYPE_MISMATCH || keys.length === 0) throw error;
    return tried(from, to, { ...trial, changes: [...keys.map(({ drop }) => drop), ...trial.changes, ...keys.map(({ add }) => add)] });
  }
}

const DATATYPE_MISMATCH = '42804';

/** Tries the statements, and gives the order that runs. What a rollback undoes needs no copy of the database. */
async function tried(from: State, to: State, { changes, own, needsCommits }: Trial): Promise<readonly string[]> {
  const plain = changes.map(({ sql }) => sql);
  if (needsCommits) {
    const copy = await from.shadow.clone();
    const ordered = await runInOrder(await copy.connect(), plain);
    await copy.drop();
    return ordered;
  }
  const connection = await from.shadow.connect();
  try {
    const better = inOwnWords(changes, to.inventory, own);
    const ordered = better === undefined ? undefined : await undone(connection, () => leadingTo(connection, better, to));
    return ordered ?? (await undone(connection, () => runInOrder(connection, plain)));
  } finally {
    await connection.close();
  }
}

async function undone<T>(connection: Connection, block: () => Promise<T>): Promise<T> {
  await connection.command('begin');
  try {
    return await block();
  } finally {
    if (!connection.broken) await connection.command('rollback');
  }
}

/** The order of statements that lead exactly to a state, or undefined when they do not. */
async function leadingTo(connection: Connection, statements: readonly string[], to: State): Promise<readonly string[] | undefined> {
  try {
    const ordered = await runInOrder(connection, statements);
    return differences(await readSnapshot(connection), to.snapshot).some((line) => !line.startsWith('column order ')) ? undefined : ordered;
  } catch (error) {
    if (isKeelsonError(error, 'PLAN_FAILED')) return undefined;
    throw error;
  }
}

/** The changes with new tables as they were declared, columns in their order; undefined when no table is new. */
function inOwnWords(changes: readonly Change[], to: Inventory, own: readonly string[]): readonly string[] | undefined {
  const declared = new Map(
    own.flatMap((statement) => {
      const [, schema, table] = CREATE_TABLE.exec(statement)?.map(unquoted) ?? [];
      return schema === undefined || table === undefined ? [] : [[JSON.stringify([schema, table]), withoutSemicolon(statement)] as const];
    }),
  );
  const made = changes
    .flatMap(({ verb, makes }) => (verb === 'create' ? makes.filter(({ kind }) => kind === 'table') : []))
    .map(({ schema, name }) => JSON.stringify([schema, name]))
    .filter((key) => declared.has(key));
  if (made.length === 0) return undefined;
  const isCovered = (change: Change): boolean =>
    change.makes.length > 0 &&
    change.makes.every((object) => {
      const table = object.kind === 'table' ? object.name : object.table;
      if (!COVERED.has(object.kind) || !made.includes(JSON.stringify([object.schema, table]))) return false;
      return object.kind !== 'constraint' || to.find({ ...object, kind: 'constraint' })?.definition.startsWith('FOREIGN KEY') !== true;
    });
  const others = changes.filter((change) => !isCovered(change)).map(({ sql }) => sql);
  const tables = made.map((key) => declared.get(key) ?? '');
  const types = others.filter((sql) => /^CREATE (?:SCHEMA|EXTENSION|TYPE|DOMAIN|SEQUENCE|FUNCTION|OR REPLACE FUNCTION) /.test(sql));
  return [...types, ...tables, ...others.filter((sql) => !types.includes(sql))];
}

/** What a declaration of a table says itself. */
const COVERED: ReadonlySet<string> = new Set(['table', 'column', 'default', 'constraint']);

const NAME = '"((?:[^"]|"")+)"';
const CREATE_TABLE = new RegExp(`^create table ${NAME}\\.${NAME} \\(`);
const DROP_DEFAULT = new RegExp(`^ALTER TABLE ${NAME}\\.${NAME} ALTER COLUMN ${NAME} DROP DEFAULT$`);

function isNoDefault({ sql }: Change, inventory: Inventory): boolean {
  const [, schema, table, name] = DROP_DEFAULT.exec(sql)?.map(unquoted) ?? [];
  if (schema === undefined || table === undefined || name === undefined) return false;
  const column = inventory.findColumn({ schema, table, name });
  return column !== undefined && column.fallback === undefined && !column.isGenerated;
}

function unquoted(name: string): string {
  return name.replaceAll('""', '"');
}

function withoutSemicolon(statement: string): string {
  return statement.trim().replace(/;$/, '');
}
