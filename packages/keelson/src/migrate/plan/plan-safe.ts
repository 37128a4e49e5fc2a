/** The safe way of a plan: what PostgreSQL would do to a whole table while others wait is done beside them, as the lints ask for. */
import { isKeelsonError } from '../../errors.ts';
import type { DraftWay } from './plan-draft.ts';
import type { Inventory, Item } from './inventory.ts';
import { type State, stateAfter } from './plan-state.ts';
import { type Parts, wayBetween } from './plan-way.ts';

/** A plan in two: what runs in transactions, and, where there is any, what builds indexes outside of one. */
export interface SafeWay {
  /** Undefined when nothing but indexes comes. */
  readonly expand: DraftWay | undefined;
  readonly indexes: DraftWay | undefined;
}

/** The same way, with the indexes of tables that are there already built concurrently, after the rest. */
export async function safely(from: State, plain: DraftWay, namespace: string): Promise<SafeWay> {
  const { target } = plain;
  const held = indexesOf(plain.up, from.inventory);
  if (held.size === 0) return { expand: { ...plain, up: checkedLater(plain.up, from.inventory, target.inventory) }, indexes: undefined };
  const { up, state } = await without(held, from, plain.up, namespace);
  // Read before any way is tried: a database that is read cannot be copied.
  await Promise.all([from.catalog(), state.catalog(), target.catalog()]);
  const [down, forth, back] = await Promise.all([wayBetween(state, from), wayBetween(state, target), wayBetween(target, state)]);
  // A column of another type or collation builds its indexes anew by itself.
  if (forth.length === 0) return { expand: { up: checkedLater(up, from.inventory, target.inventory), down, target }, indexes: undefined };
  const built = checkedLater(forth, state.inventory, target.inventory).flat();
  return {
    expand: state === from ? undefined : { up: checkedLater(up, from.inventory, state.inventory), down, target: state },
    indexes: {
      up: [concurrently(built, state.inventory)],
      down: [concurrently(back.flat(), target.inventory)],
      target,
    },
  };
}

/** What is left of the way without these statements, and those that do not run without them; and where it leads. */
async function without(
  held: Set<string>,
  from: State,
  up: Parts,
  namespace: string,
): Promise<{ readonly up: Parts; readonly state: State }> {
  // bounded by: each round holds back one statement more
  for (;;) {
    const rest = up.map((part) => part.filter((statement) => !held.has(statement))).filter((part) => part.length > 0);
    try {
      return { up: rest, state: rest.length === 0 ? from : await stateAfter(from, rest.flat(), namespace) };
    } catch (error) {
      const sql = isKeelsonError(error, 'PLAN_FAILED') ? error.data?.['sql'] : undefined;
      if (typeof sql !== 'string' || held.has(sql) || !up.flat().includes(sql)) throw error;
      held.add(sql);
    }
  }
}

const NAME = '(?:"(?:[^"]|"")+"|[\\w$]+)';
const TABLE = `(${NAME})\\.(${NAME})`;
const CREATE_INDEX = new RegExp(`^CREATE (UNIQUE )?INDEX (${NAME}) ON (?!ONLY )${TABLE} `, 'i');
const DROP_INDEX = new RegExp(`^DROP INDEX ${TABLE}$`, 'i');
const DROP_CONSTRAINT = new RegExp(`^ALTER TABLE ${TABLE} DROP CONSTRAINT (${NAME})$`, 'i');
/** What else a unique constraint can say (storage, periods) stays a plain statement. */
const ADD_UNIQUE = new RegExp(
  `^ALTER TABLE ${TABLE} ADD CONSTRAINT (${NAME}) UNIQUE( NULLS NOT DISTINCT)? (\\((?:${NAME}|, )+\\)(?: INCLUDE \\((?:${NAME}|, )+\\))?)( DEFERRABLE.*)?$`,
  'i',
);
const ADD_CHECKED = new RegExp(`^ALTER TABLE ${TABLE} ADD CONSTRAINT (${NAME}) (CHECK|FOREIGN KEY) (?!.* NOT (?:VALID|ENFORCED)$)`, 'is');
const SET_NOT_NULL = new RegExp(`^ALTER TABLE ${TABLE} ALTER COLUMN (${NAME}) SET NOT NULL$`, 'i');

/** Plain tables, which alone can do all of it, and materialized views, which can have indexes. */
const CAN_INDEX = /^[rm]/;
const CAN_CHECK = /^r/;

/** The statements that build indexes on tables that are there, and those that drop what they replace. */
function indexesOf(up: Parts, from: Inventory): Set<string> {
  const statements = up.flat();
  const held = new Set<string>();
  const remade = new Set(statements.map((statement) => /^CREATE MATERIALIZED VIEW (\S+)/i.exec(statement)?.[1]));
  for (const statement of statements) {
    const [, , index, schema = '', table = ''] = CREATE_INDEX.exec(statement) ?? [];
    const [, ofSchema = '', ofTable = '', unique] = index === undefined ? (ADD_UNIQUE.exec(statement) ?? []) : [];
    const name = index ?? unique;
    if (name === undefined || !isThere(from, [schema || ofSchema, table || ofTable], CAN_INDEX)) continue;
    if (remade.has(`${schema}.${table}`) || remade.has(`"${bare(schema)}"."${bare(table)}"`)) continue;
    held.add(statement);
    const gone = dropOf(statements, name);
    if (gone !== undefined) held.add(gone);
  }
  return held;
}

/** The statement that drops the index or the constraint of this name. */
function dropOf(statements: readonly string[], name: string): string | undefined {
  return statements.find((statement) => {
    const dropped = DROP_INDEX.exec(statement)?.[2] ?? DROP_CONSTRAINT.exec(statement)?.[3];
    return dropped !== undefined && bare(dropped) === bare(name);
  });
}

/** Indexes built and dropped concurrently; one that takes the place of another is built beside it first. */
function concurrently(statements: readonly string[], from: Inventory): readonly string[] {
  const replaced = new Set<string>();
  const done = statements.flatMap((statement) => {
    const [start, isUnique, index, schema = '', table = ''] = CREATE_INDEX.exec(statement) ?? [];
    if (start !== undefined && index !== undefined && isThere(from, [schema, table], CAN_INDEX)) {
      const gone = dropOf(statements, index);
      if (gone !== undefined) replaced.add(gone);
      const made = gone === undefined ? index : `"${beside(index)}"`;
      const create = `CREATE ${isUnique ?? ''}INDEX CONCURRENTLY ${made} ON ${schema}.${table} ${statement.slice(start.length)}`;
      if (gone === undefined) return [create];
      return [create, droppedBeside(gone, from), `ALTER INDEX ${schema}.${made} RENAME TO ${index}`];
    }
    const unique = uniqueBeside(statement, statements, from);
    if (unique === undefined) return [statement];
    for (const gone of unique.replaced) replaced.add(gone);
    return unique.statements;
  });
  return done.filter((statement) => !replaced.has(statement)).map((statement) => droppedBeside(statement, from));
}

/** A unique constraint by way of its index. */
function uniqueBeside(
  statement: string,
  all: readonly string[],
  from: Inventory,
): { readonly statements: readonly string[]; readonly replaced: readonly string[] } | undefined {
  const [, schema = '', table = '', name = '', distinct = '', columns = '', deferrable = ''] = ADD_UNIQUE.exec(statement) ?? [];
  if (name === '' || !isThere(from, [schema, table], CAN_INDEX)) return undefined;
  const gone = dropOf(all, name);
  const made = gone === undefined ? name : `"${beside(name)}"`;
  // It takes the name of the constraint by itself.
  const drop = gone === undefined ? '' : ` DROP CONSTRAINT ${name},`;
  return {
    statements: [
      `CREATE UNIQUE INDEX CONCURRENTLY ${made} ON ${schema}.${table} ${columns}${distinct}`,
      `ALTER TABLE ${schema}.${table}${drop} ADD CONSTRAINT ${name} UNIQUE USING INDEX ${made}${deferrable}`,
    ],
    replaced: gone === undefined ? [] : [gone],
  };
}

function droppedBeside(statement: string, from: Inventory): string {
  const [, schema, name] = DROP_INDEX.exec(statement) ?? [];
  if (schema === undefined || name === undefined) return statement;
  const index = from.items.find((item) => item.kind === 'index' && item.schema === bare(schema) && item.name === bare(name));
  const canBe = index !== undefined && isThere(from, [index.schema, index.table], CAN_INDEX);
  return canBe ? `DROP INDEX CONCURRENTLY ${schema}.${name}` : statement;
}

/** A name for the time until the old one is free. */
function beside(name: string): string {
  return `${bare(name).slice(0, 58)}__new`.replaceAll('"', '""');
}

/** Constraints of tables that are there, taken without a look at the rows, which are looked at after a commit, while others write. */
export function checkedLater(up: Parts, from: Inventory, to: Inventory): Parts {
  const later: (readonly string[])[] = [];
  const last: string[] = [];
  const parts = up.map((part) =>
    part.map((statement) => {
      const [, schema = '', table = '', name] = ADD_CHECKED.exec(statement) ?? [];
      if (name !== undefined && isThere(from, [schema, table], CAN_CHECK)) {
        later.push([`ALTER TABLE ${schema}.${table} VALIDATE CONSTRAINT ${name}`]);
        return `${statement} NOT VALID`;
      }
      const check = notNullCheck(statement, from, to);
      if (check === undefined) return statement;
      later.push([check.validate]);
      last.push(statement, check.drop);
      return check.add;
    }),
  );
  return [...parts, ...later, ...(last.length === 0 ? [] : [last])];
}

/** A check that spares SET NOT NULL its look at every row. */
function notNullCheck(
  statement: string,
  from: Inventory,
  to: Inventory,
): { readonly add: string; readonly validate: string; readonly drop: string } | undefined {
  const [, schema = '', table = '', column] = SET_NOT_NULL.exec(statement) ?? [];
  if (column === undefined || !isThere(from, [schema, table], CAN_CHECK)) return undefined;
  const name = { schema: bare(schema), table: bare(table), name: bare(column) };
  // What becomes an identity must be not null before that.
  if (from.findColumn(name) === undefined || to.findColumn(name)?.identity !== '') return undefined;
  const check = `"${`${bare(column).slice(0, 50)}_is_not_null`.replaceAll('"', '""')}"`;
  const start = `ALTER TABLE ${schema}.${table}`;
  return {
    add: `${start} ADD CONSTRAINT ${check} CHECK (${column} IS NOT NULL) NOT VALID`,
    validate: `${start} VALIDATE CONSTRAINT ${check}`,
    drop: `${start} DROP CONSTRAINT ${check}`,
  };
}

function isThere(inventory: Inventory, [schema, name]: readonly [string, string], kind: RegExp): boolean {
  const place = { schema: bare(schema), table: '', name: bare(name) };
  const found: Item | undefined = inventory.find({ ...place, kind: 'table' }) ?? inventory.find({ ...place, kind: 'view' });
  return found !== undefined && kind.test(found.definition);
}

function bare(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
