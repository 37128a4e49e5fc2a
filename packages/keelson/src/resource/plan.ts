/** Plans: the definition of a resource with its types unread, checked against its table. */
import type { TProperties, TSchema } from 'typebox';
import { KeelsonError } from '../errors.ts';
import { type ColumnInfo, tableInfo, type TableInfo } from '../schema/table.ts';
import { type EntityMeta, metaOf } from '../work/entity.ts';
import type { Fields } from '../work/mapper.ts';
import type { Repositories } from '../work/model.ts';
import type { Guard } from '../http/guard.ts';
import type { Action, Hook, ResourceDefinition, RouteOverride, RowAction, RowsHook } from './resource.ts';

type LooseHook<R extends Repositories, S, P> = Hook<R, S, P, Fields, Fields | undefined>;
type LooseRowsHook<R extends Repositories, S, P> = RowsHook<R, S, P, Fields, Fields | undefined>;

/** Which rows there are for a caller; undefined: all of them. */
export type Scope<P> = (principal: P) => Fields | undefined | 'nothing';

/** What a definition says, by plain names. */
interface Loose<R extends Repositories, S, P> {
  readonly table: ResourceDefinition<R, S, P, Fields, TProperties, TProperties>['table'];
  readonly entity: new (values: Fields) => Fields;
  readonly noun: string;
  readonly path?: string;
  readonly guard: Guard<P, S>;
  readonly guards?: Readonly<Record<string, Guard<P, S> | undefined>>;
  readonly show?: readonly string[];
  readonly create: readonly string[];
  readonly change: readonly string[];
  readonly fields?: Readonly<Record<string, TSchema | undefined>>;
  readonly extra?: { readonly create?: TProperties; readonly change?: TProperties };
  readonly search?: readonly string[];
  readonly scope?: Scope<P>;
  readonly isNewestFirst?: boolean;
  readonly showWithin?: Readonly<Record<string, Scope<P> | undefined>>;
  readonly may?: (entity: Fields, context: { readonly principal: P; readonly action: RowAction }) => boolean;
  readonly onCreate?: LooseHook<R, S, P>;
  readonly onChange?: LooseHook<R, S, P>;
  readonly onRemove?: LooseHook<R, S, P>;
  readonly beforeLock?: LooseHook<R, S, P>;
  readonly beforeCreate?: LooseRowsHook<R, S, P>;
  readonly afterCreate?: LooseRowsHook<R, S, P>;
  readonly afterChange?: LooseHook<R, S, P>;
  readonly without?: readonly Action[];
  readonly override?: { readonly [A in Action]?: RouteOverride<R, S, P> };
}

/** A resource as its routes are made from it. */
export interface Plan<R extends Repositories, S, P> extends Omit<Loose<R, S, P>, 'show' | 'showWithin' | 'create' | 'change' | 'path'> {
  /** The name of the repository in the model. */
  readonly name: string;
  readonly path: string;
  /** Several of them, for people. */
  readonly nouns: string;
  readonly meta: EntityMeta;
  readonly key: ColumnInfo;
  readonly version: ColumnInfo | undefined;
  readonly show: readonly ColumnInfo[];
  /** The columns that not everybody sees who sees the row, with the rows in which they do. */
  readonly showWithin: ReadonlyMap<string, Scope<P>>;
  readonly create: readonly ColumnInfo[];
  readonly change: readonly ColumnInfo[];
}

/**
 * Reads a definition.
 *
 * @throws MISUSE where it does not fit its table
 */
export function planResource<R extends Repositories, S, P, E, XC extends TProperties, XU extends TProperties>(
  name: string,
  definition: ResourceDefinition<R, S, P, E, XC, XU>,
): Plan<R, S, P> {
  const loose = parseLoose<R, S, P>(definition);
  const meta = metaOf(loose.entity);
  const table = tableInfo(loose.table);
  if (meta.table !== table) throw misuse(name, `is of the table ${table.name}, but its entity is of ${meta.table.name}`);
  const [key, ...more] = table.primaryKey;
  if (key === undefined || more.length > 0) throw misuse(name, 'needs a table with a key of one column');
  const path = loose.path ?? kebab(name);
  return {
    ...loose,
    name,
    path: path.replace(/^\//u, ''),
    nouns: path.replace(/^\//u, '').replaceAll(/[-/]/gu, ' '),
    meta,
    key,
    version: meta.versionColumn,
    show: loose.show === undefined ? table.columns : columnsOf(name, table, loose.show),
    showWithin: withinOf(name, meta, loose),
    create: refuseMade(name, columnsOf(name, table, loose.create)),
    change: refuseKept(name, meta, columnsOf(name, table, loose.change)),
  };
}

function columnsOf(name: string, table: TableInfo, keys: readonly string[]): readonly ColumnInfo[] {
  return keys.map((key) => {
    const column = table.byKey.get(key);
    if (column === undefined) throw misuse(name, `names the column ${key}, which ${table.name} does not have`);
    return column;
  });
}

function withinOf<R extends Repositories, S, P>(
  name: string,
  { table, versionColumn }: EntityMeta,
  { showWithin = {}, search = [] }: Loose<R, S, P>,
): ReadonlyMap<string, Scope<P>> {
  const within = Object.entries(showWithin).flatMap(([key, scope]) => (scope === undefined ? [] : [[key, scope] as const]));
  for (const [key] of within) {
    const [column] = columnsOf(name, table, [key]);
    if (column?.isKey === true || column === versionColumn || search.includes(key))
      throw misuse(name, `cannot hide ${key} from anybody: it is the key, the version, or searched`);
  }
  return new Map(within);
}

function refuseMade(name: string, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
  const made = columns.find(({ generatedSql, isIdentity, role }) => generatedSql !== undefined || isIdentity || role === 'version');
  if (made !== undefined) throw misuse(name, `lets callers say ${made.key}, which is made by the database or the library`);
  return columns;
}

function refuseKept(name: string, meta: EntityMeta, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
  const kept = refuseMade(name, columns).find((column) => column.isKey || column === meta.stateColumn || column === meta.updatedAtColumn);
  if (kept !== undefined) throw misuse(name, `lets callers change ${kept.key}, which is its key, its state or its time of change`);
  return columns;
}

/** `characterGroups` → `character-groups`. */
function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

function misuse(name: string, what: string): KeelsonError {
  return new KeelsonError('MISUSE', { message: `The resource ${name} ${what}.` });
}

/** What the types have tied to an entity is here read by the names of its columns. */
function parseLoose<R extends Repositories, S, P>(definition: unknown): Loose<R, S, P> {
  return definition as Loose<R, S, P>;
}
