/** Columns that not everybody sees who sees the row: left out of answers, and of what filters can find. */
import { KeelsonError } from '../errors.ts';
import type { ListRequest } from '../work/list-request.ts';
import type { ListRules } from '../work/list-rules.ts';
import type { Fields } from '../work/mapper.ts';
import type { Scope } from './plan.ts';

/** What of a resource decides what its callers see. */
export interface Shown<P> {
  readonly scope?: Scope<P>;
  readonly showWithin: ReadonlyMap<string, Scope<P>>;
}

/** The rules of a list without sorts by such columns: the order of rows would tell of what is not shown. */
export function withoutHidden<P>(rules: ListRules, { showWithin }: Shown<P>): ListRules {
  if (showWithin.size === 0) return rules;
  return { ...rules, sortable: new Map([...rules.sortable].filter(([key]) => !showWithin.has(key))) };
}

/** The scope of a list: who filters by a column finds the rows alone in which they see it. */
export function listScope<P>({ scope, showWithin }: Shown<P>, principal: P, { filters }: ListRequest): Fields | undefined | 'nothing' {
  let narrowest = scope?.(principal);
  for (const { key } of filters) narrowest = narrowed(narrowest, showWithin.get(key)?.(principal));
  return narrowest;
}

/** What one caller sees of rows. */
export class Sight {
  readonly #within: readonly (readonly [string, Fields | 'nothing'])[];

  constructor(within: readonly (readonly [string, Fields | 'nothing'])[]) {
    this.#within = within;
  }

  static of<P>({ showWithin }: Shown<P>, principal: P): Sight {
    return new Sight(
      [...showWithin].flatMap(([key, scope]) => {
        const within = scope(principal);
        return within === undefined ? [] : [[key, within] as const];
      }),
    );
  }

  /** The columns to read for those that are wanted. */
  needed(keys: readonly string[] | undefined): readonly string[] | undefined {
    if (keys === undefined) return undefined;
    const deciding = this.#within.flatMap(([key, within]) => (keys.includes(key) && within !== 'nothing' ? Object.keys(within) : []));
    return [...new Set([...keys, ...deciding])];
  }

  /** A row without what is not shown of it, and without what was read beside what is wanted. */
  show(row: Fields, keys: readonly string[]): Fields {
    const hidden = new Set(this.#within.flatMap(([key, within]) => (isAmong(within, row) ? [] : [key])));
    return Object.fromEntries(keys.flatMap((key) => (hidden.has(key) ? [] : [[key, row[key]]])));
  }
}

function isAmong(within: Fields | 'nothing', row: Fields): boolean {
  return within !== 'nothing' && Object.entries(within).every(([key, condition]) => valuesOf(condition).includes(row[key]));
}

function narrowed(scope: Fields | undefined | 'nothing', within: Fields | undefined | 'nothing'): Fields | undefined | 'nothing' {
  if (scope === 'nothing' || within === undefined) return scope;
  if (within === 'nothing') return within;
  const both: Record<string, unknown> = { ...scope };
  for (const [key, condition] of Object.entries(within)) {
    const known = both[key];
    const values = valuesOf(condition).filter((value) => known === undefined || valuesOf(known).includes(value));
    if (values.length === 0) return 'nothing';
    both[key] = values.length === 1 ? values[0] : values;
  }
  return both;
}

function valuesOf(condition: unknown): readonly unknown[] {
  if (Array.isArray(condition)) return condition;
  if (typeof condition !== 'object' || condition === null) return [condition];
  throw new KeelsonError('MISUSE', { message: 'A column can be shown within values and lists of values alone, in a scope of such.' });
}
