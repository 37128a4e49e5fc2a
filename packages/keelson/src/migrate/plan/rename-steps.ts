/** Renames as statements, in an order that runs also where names are swapped, with what takes each of them back. */
import { quoteName, quoteText } from '../../schema/sql.ts';
import type { Rename } from './rename.ts';

/** A statement and its inverse. */
export interface Step {
  readonly up: string;
  readonly down: string;
}

/** A change of one name among the names of one place. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/** A name that nobody has, for one of two that swap theirs. */
const TEMPORARY = '__renaming';

/** The statements of renames: schemas first, then what lies in them, then columns and values. */
export function renameSteps(renames: readonly Rename[], schemas: readonly string[]): readonly Step[] {
  const steps: Step[] = [];
  const places = new Map(renames.filter(({ kind }) => kind === 'schema').map(({ from, to }) => [from, to]));
  const schemaNow = (schema: string): string => places.get(schema) ?? schema;
  steps.push(...ordered([...places].map(([from, to]) => ({ from, to }))).map((move) => pair(`alter schema`, '', move)));
  for (const kind of ['table', 'enum', 'sequence', 'view'] as const) {
    const own = renames.filter((rename) => rename.kind === kind);
    for (const [schema, group] of groupBy(own, (rename) => schemaNow(rename.schema))) {
      const moves = group.filter(({ from, to }) => from !== to);
      steps.push(...ordered(moves).map((move) => pair(`alter ${word(kind)}`, `${quoteName(schema)}.`, move)));
    }
    for (const { schema, to, toSchema } of own.filter((rename) => rename.schema !== rename.toSchema)) {
      const made = !schemas.includes(toSchema) && ![...places.values()].includes(toSchema);
      const twice = steps.some((step) => step.up === `create schema ${quoteName(toSchema)};`);
      if (made && !twice) steps.push({ up: `create schema ${quoteName(toSchema)};`, down: `drop schema ${quoteName(toSchema)};` });
      steps.push(moved(kind, [schemaNow(schema), toSchema], to));
    }
  }
  const now = (kind: 'table' | 'enum', schema: string, name: string): string => {
    const found = renames.find((rename) => rename.kind === kind && rename.schema === schema && rename.from === name);
    return `${quoteName(found === undefined ? schemaNow(schema) : placeOf(found, schemaNow))}.${quoteName(found?.to ?? name)}`;
  };
  const columns = renames.filter(({ kind }) => kind === 'column');
  for (const [table, group] of groupBy(columns, ({ schema, owner }) => now('table', schema, owner)))
    steps.push(...ordered(group).map((move) => pair(`alter table ${table} rename column`, '', move)));
  const values = renames.filter(({ kind }) => kind === 'enum value');
  for (const [type, group] of groupBy(values, ({ schema, owner }) => now('enum', schema, owner)))
    steps.push(...ordered(group).map(({ from, to }) => value(type, from, to)));
  return steps;
}

/** Moves in an order in which no name is taken: a chain from its end, a ring by way of a name that nobody has. */
export function ordered<M extends Move>(moves: readonly M[]): readonly M[] {
  const done: M[] = [];
  let waiting: readonly M[] = moves;
  // bounded by: every turn does one move or opens one ring
  while (waiting.length > 0) {
    const next = waiting.find((move) => !waiting.some((other) => other !== move && other.from === move.to));
    const [first] = waiting;
    if (next !== undefined) {
      done.push(next);
      waiting = waiting.filter((move) => move !== next);
    } else if (first !== undefined) {
      const aside = `${first.from.slice(0, 40)}${TEMPORARY}`;
      done.push({ ...first, to: aside });
      waiting = [...waiting.slice(1), { ...first, from: aside }];
    }
  }
  return done;
}

/** The statements of the way back. */
export function stepsBack(steps: readonly Step[]): readonly string[] {
  return steps.toReversed().map((step) => step.down);
}

function placeOf(rename: Rename, schemaNow: (schema: string) => string): string {
  return rename.schema === rename.toSchema ? schemaNow(rename.schema) : rename.toSchema;
}

function pair(start: string, prefix: string, { from, to }: Move): Step {
  const column = start.endsWith('rename column');
  const statement = (a: string, b: string): string =>
    column ? `${start} ${quoteName(a)} to ${quoteName(b)};` : `${start} ${prefix}${quoteName(a)} rename to ${quoteName(b)};`;
  return { up: statement(from, to), down: statement(to, from) };
}

function moved(kind: 'table' | 'enum' | 'sequence' | 'view', [from, to]: readonly [string, string], name: string): Step {
  const statement = (a: string, b: string): string => `alter ${word(kind)} ${quoteName(a)}.${quoteName(name)} set schema ${quoteName(b)};`;
  return { up: statement(from, to), down: statement(to, from) };
}

function value(type: string, from: string, to: string): Step {
  const statement = (a: string, b: string): string => `alter type ${type} rename value ${quoteText(a)} to ${quoteText(b)};`;
  return { up: statement(from, to), down: statement(to, from) };
}

function word(kind: 'table' | 'enum' | 'sequence' | 'view'): string {
  // PostgreSQL lets ALTER TABLE rename any kind of view too.
  return kind === 'enum' ? 'type' : kind === 'view' ? 'table' : kind;
}

function groupBy<T>(all: readonly T[], key: (each: T) => string): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(all, key);
}
