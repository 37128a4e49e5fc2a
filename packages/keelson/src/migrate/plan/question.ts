/** What the planner has to ask, since renames and drops are said and never guessed. */
import type { ColumnItem, Inventory, Item } from './inventory.ts';
import { shownName, shownValue, shownWord } from './names.ts';
import type { Losses } from './plan-middle.ts';
import type { Drop } from './rename.ts';
import { readableName } from '../sql-text.ts';

/** Something that would be lost unless it was renamed, and how to say either. */
export interface Question {
  readonly kind: 'table' | 'column' | 'enum value' | 'enum' | 'schema' | 'view' | 'sequence' | 'function';
  /** `users.nickname` */
  readonly object: string;
  readonly message: string;
  /** The option that says that it may go: `--drop users.nickname`. */
  readonly drop: string;
  /** The options that say what became of it, likeliest first: `--rename users.nickname:handle`. */
  readonly renames: readonly string[];
}

/** Where the questions come from: what is lost, out of what, for what, and what may be. */
export interface Asked {
  readonly losses: Losses;
  readonly from: Inventory;
  readonly to: Inventory;
  readonly drops: readonly Drop[];
  readonly namespace: string;
}

/** The questions that are open. */
export function questionsOf({ losses, from, to, drops, namespace }: Asked): readonly Question[] {
  const may = (kind: Drop['kind'], schema: string, owner: string, name: string): boolean =>
    drops.some((drop) => drop.kind === kind && drop.schema === schema && drop.owner === owner && drop.name === name) ||
    drops.some((drop) => drop.kind === 'schema' && drop.name === schema);
  const lostSchemas = new Set(losses.schemas.map(({ name }) => name));
  const fresh = (kind: Item['kind']): readonly Item[] => to.list(kind).filter((item) => from.find(item) === undefined);
  const ask = (kind: 'schema' | 'table' | 'sequence' | 'enum', item: Item, likely: readonly Item[], what: string): Question => {
    const prefix = kind === 'schema' || kind === 'enum' ? `${kind} ` : '';
    return question(
      kind,
      `${prefix}${shownName(item, namespace)}`,
      what,
      likely.map((other) => shownTarget(item, other)),
    );
  };
  return [
    ...losses.schemas
      .filter(({ name }) => !may('schema', name, '', name))
      .map((item) => ask('schema', item, fresh('schema'), 'with all that is in it')),
    ...losses.tables
      .filter(({ schema, name }) => !lostSchemas.has(schema) && !may('table', schema, '', name))
      .map((item) =>
        ask(
          'table',
          item,
          byLikeness(fresh('table'), (other) => tablesAlike(item, other, from, to)),
          'with all its rows',
        ),
      ),
    ...[...losses.columns, ...losses.turned]
      .filter(({ schema, table, name }) => !may('column', schema, table, name))
      .map((column) => askColumn(column, from, to, namespace)),
    ...losses.values
      .filter(({ type, value }) => !may('enum value', type.schema, type.name, value))
      .map(({ type, value }) => askValue(type, value, to, namespace)),
    ...from
      .list('enum')
      .filter((type) => to.find(type) === undefined && !lostSchemas.has(type.schema) && !may('enum', type.schema, '', type.name))
      .map((type) => ({ type, likely: fresh('enum').filter((other) => other.parts.some((value) => type.parts.includes(value))) }))
      .filter(({ likely }) => likely.length > 0)
      .map(({ type, likely }) => ask('enum', type, likely, 'and another with the same values made')),
    ...losses.sequences
      .filter(({ schema, name }) => !lostSchemas.has(schema) && !may('sequence', schema, '', name))
      .map((item) =>
        ask(
          'sequence',
          item,
          fresh('sequence').filter(({ table }) => table === ''),
          'with its counter',
        ),
      ),
  ];
}

function askColumn(column: ColumnItem, from: Inventory, to: Inventory, namespace: string): Question {
  const fresh = to.columns.filter(
    (other) => other.schema === column.schema && other.table === column.table && from.findColumn(other) === undefined,
  );
  const likely = byLikeness(fresh, (other) => Number(other.definition === column.definition) * 2 + likeness(other.name, column.name));
  return question(
    'column',
    shownName(column, namespace),
    'with all its values',
    likely.map((other) => readableName(other.name)),
  );
}

function askValue(type: Item, value: string, to: Inventory, namespace: string): Question {
  const fresh = (to.find(type)?.parts ?? []).filter((other) => !type.parts.includes(other));
  const place = type.parts.indexOf(value);
  const likely = byLikeness(fresh, (other) => likeness(other, value) - Math.abs((to.find(type)?.parts.indexOf(other) ?? 0) - place) / 100);
  return question('enum value', shownValue(type, value, namespace), 'and no row may hold it any more', likely.map(shownWord));
}

function question(kind: Question['kind'], object: string, what: string, targets: readonly string[]): Question {
  const plain = object.replace(/^(?:schema|enum) /, '');
  const one = targets.length === 1 ? `${targets.join('')} is new` : `these are new: ${targets.join(', ')}`;
  const message =
    targets.length === 0
      ? `The ${kind} ${plain} would be dropped, ${what}. May it go?`
      : `The ${kind} ${plain} would be dropped, ${what}; ${one}. Was it renamed, or may it go?`;
  return {
    kind,
    object,
    message,
    drop: `--drop ${word(object)}`,
    renames: targets.map((target) => `--rename ${word(`${object}:${target}`)}`),
  };
}

/** An argument as a shell wants it. */
function word(text: string): string {
  return /^[\w.:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function shownTarget(from: Item, to: Item): string {
  return from.kind === 'schema' || from.schema === to.schema
    ? readableName(to.name)
    : `${readableName(to.schema)}.${readableName(to.name)}`;
}

function tablesAlike(a: Item, b: Item, from: Inventory, to: Inventory): number {
  const columns = from.columns.filter((column) => column.schema === a.schema && column.table === a.name);
  const same = columns.filter((column) => to.findColumn({ schema: b.schema, table: b.name, name: column.name }) !== undefined);
  return same.length / Math.max(1, columns.length) + likeness(a.name, b.name);
}

function byLikeness<T>(all: readonly T[], likenessOf: (each: T) => number): readonly T[] {
  return all.toSorted((a, b) => likenessOf(b) - likenessOf(a));
}

/** From 0 to 1: how many pairs of letters two names share. */
function likeness(a: string, b: string): number {
  const pairs = (text: string): readonly string[] => [...text.toLowerCase()].map((letter, index, all) => letter + (all[index + 1] ?? ''));
  const left = pairs(a);
  const right = new Set(pairs(b));
  return (2 * left.filter((each) => right.has(each)).length) / Math.max(1, left.length + right.size);
}
