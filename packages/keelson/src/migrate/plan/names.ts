/** Names as a person reads and writes them: without the app's schema, quoted only where PostgreSQL wants it. */
import type { Item } from './inventory.ts';
import { readableName } from '../sql-text.ts';

/** The name of an object, as `--drop` and `--rename` take it. */
export function shownName(item: Pick<Item, 'kind' | 'schema' | 'table' | 'name'>, namespace: string): string {
  if (item.kind === 'schema') return readableName(item.name);
  const path = item.schema === namespace ? [] : [item.schema];
  if (item.kind === 'column') path.push(item.table);
  return [...path, item.name].map(readableName).join('.');
}

/** The name of a value of an enum, as `--drop` and `--rename` take it. */
export function shownValue(type: Item, value: string, namespace: string): string {
  return `${shownName(type, namespace)}.${shownWord(value)}`;
}

/** A value as a word: quoted when it has signs that a path has a meaning for. */
export function shownWord(value: string): string {
  return /^[^".:\s][^".:]*$/.test(value) && value.trim() === value ? value : `"${value.replaceAll('"', '""')}"`;
}
