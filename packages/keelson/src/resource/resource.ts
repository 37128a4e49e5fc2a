/** Resources: what an app says of a table that is listed, made, read, changed and removed over HTTP. */
import type { FastifyRequest } from 'fastify';
import type { Static, TProperties, TSchema } from 'typebox';
import type { Guard } from '../http/guard.ts';
import type { Responses, Route, RouteDefinition } from '../http/route.ts';
import type { Log } from '../log.ts';
import type { AnyTable } from '../schema/table.ts';
import type { KeysOf } from '../work/entity.ts';
import type { Filter } from '../work/filter.ts';
import type { EntityOf, Repositories } from '../work/model.ts';
import type { Unit } from '../work/unit.ts';

/** The calls of a resource. */
export type Action = 'list' | 'create' | 'bulk' | 'read' | 'replace' | 'change' | 'remove';

/** What a caller does to a row, for those who decide whether they may. */
export type RowAction = 'create' | 'change' | 'remove';

/** What a body says: columns as entities carry them, and what the resource takes beside them. */
export type ResourceBody<E, X extends TProperties> = { readonly [K in Exclude<KeysOf<E>, KeysBeside<X>>]?: E[K] } & {
  readonly [K in KeysBeside<X>]?: Static<X[K]>;
};

/** Nothing beside columns is `never`. */
type KeysBeside<X> = [X] extends [never] ? never : keyof X;

/** What a hook works with, inside the unit of work of its call. */
export interface HookContext<R extends Repositories, S, P, B> extends RowsHookContext<R, S, P> {
  readonly body: B;
}

/** What a hook of all rows works with; each row has its body with it. */
export interface RowsHookContext<R extends Repositories, S, P> {
  readonly unit: Unit<R>;
  readonly principal: P;
  readonly services: S;
  /** The call itself: the address that it comes from, its headers. */
  readonly request: FastifyRequest;
  readonly log: Log;
}

/** Does what belongs to a write, in its unit of work; what it throws takes the write back. */
export type Hook<R extends Repositories, S, P, E, B> = (entity: E, context: HookContext<R, S, P, B>) => void | Promise<void>;

/** A new row, and what was said of it. */
export interface NewRow<E, B> {
  readonly entity: E;
  readonly body: B;
  /** Where in the request it was said: `body`, or `body.items[3]`; what is refused of it is named from here. */
  readonly place: string;
}

/** Does once what belongs to all the rows of a create, one or a thousand; what it throws takes them back. */
export type RowsHook<R extends Repositories, S, P, E, B> = (
  rows: readonly NewRow<E, B>[],
  context: RowsHookContext<R, S, P>,
) => void | Promise<void>;

/** The guards of single calls, where they are not that of all; `change` guards replacing too. */
export type ActionGuards<P, S> = { readonly [A in Exclude<Action, 'replace'>]?: Guard<P, S> };

/** What may be said anew of a route that a resource makes. */
export type RouteOverride<R extends Repositories, S, P> = Partial<
  Omit<RouteDefinition<R, S, P, TSchema | undefined, TSchema | undefined, TSchema | undefined, Responses>, 'method' | 'url'>
>;

/** What a resource is made of; `E` is its entity, `XC` and `XU` are what bodies hold beside columns. */
export interface ResourceDefinition<R extends Repositories, S, P, E, XC extends TProperties, XU extends TProperties> {
  /** The table of the entity. */
  readonly table: AnyTable;
  /** The entity of the repository: new rows are made of it. */
  readonly entity: new (values: never) => E;
  /** What one is called, for people: `character group`. */
  readonly noun: string;
  /** The path under the API prefix; the name of the repository in kebab-case where it is not given. */
  readonly path?: string | undefined;
  /** Who may call. */
  readonly guard: Guard<P, S>;
  readonly guards?: ActionGuards<P, S> | undefined;
  /** The columns of answers, all when it does not say. Name them where one is a secret. */
  readonly show?: readonly KeysOf<E>[] | undefined;
  /** The columns that a new row may say. */
  readonly create: readonly KeysOf<E>[];
  /** The columns that may be changed. */
  readonly change: readonly KeysOf<E>[];
  /** Schemas that say more than the column: a length, a form, what a JSON column holds. Columns that may be null take null as well. */
  readonly fields?: { readonly [K in KeysOf<E>]?: TSchema } | undefined;
  /** What bodies hold beside columns, for the hooks. */
  readonly extra?: { readonly create?: XC | undefined; readonly change?: XU | undefined } | undefined;
  /** The text columns that `search` looks in. */
  readonly search?: readonly KeysOf<E>[] | undefined;
  /** Which rows there are for a caller; undefined: all that the database shows; nothing: none at all. */
  readonly scope?: ((principal: P) => Filter<E> | undefined | 'nothing') | undefined;
  /**
   * Columns that not everybody sees who sees the row: the scope of the rows in which a caller does, by values and lists of values. Elsewhere
   * the column is left out of answers, and no filter by it finds the row; there is no sort by it.
   */
  readonly showWithin?: { readonly [K in KeysOf<E>]?: (principal: P) => Filter<E> | undefined | 'nothing' } | undefined;
  /** Whether lists that name no order begin with the greatest key, which is the newest row. */
  readonly isNewestFirst?: boolean | undefined;
  /** Whether a caller may do this to this row; asked before a change and after it, so that nothing is moved to where they may not. */
  readonly may?: ((entity: E, context: { readonly principal: P; readonly action: RowAction }) => boolean) | undefined;
  /** Before the row is written: checks it, and fills what callers do not say. Of a bulk each row by itself. */
  readonly onCreate?: Hook<R, S, P, E, ResourceBody<E, XC>> | undefined;
  readonly onChange?: Hook<R, S, P, E, ResourceBody<E, XU>> | undefined;
  readonly onRemove?: Hook<R, S, P, E, undefined> | undefined;
  /**
   * Before a row that is changed or removed (without a body) is locked: locks what is written beside it, where others lock that first. Two
   * calls that lock the same rows in another order would wait for each other.
   */
  readonly beforeLock?: Hook<R, S, P, E, ResourceBody<E, XU> | undefined> | undefined;
  /** Before new rows are written, all of a call at once: locks what is written beside them, where others lock that first. */
  readonly beforeCreate?: RowsHook<R, S, P, E, ResourceBody<E, XC>> | undefined;
  /**
   * Once new rows are written, all of a call at once and in the same unit: writes what refers to them. The answer shows them as they are
   * then, with what triggers made of them.
   */
  readonly afterCreate?: RowsHook<R, S, P, E, ResourceBody<E, XC>> | undefined;
  /** The same of a row that is changed; it is locked meanwhile. */
  readonly afterChange?: Hook<R, S, P, E, ResourceBody<E, XU>> | undefined;
  /** The calls that there shall not be. */
  readonly without?: readonly Action[] | undefined;
  /** Routes that differ in a part: a summary, a guard, a handler of one's own. */
  readonly override?: { readonly [A in Action]?: RouteOverride<R, S, P> } | undefined;
}

/** Makes the routes of resources for an app; repositories, services and principal are named once. */
export interface ResourceFactory<R extends Repositories, S, P> {
  <N extends keyof R & string, XC extends TProperties = never, XU extends TProperties = never>(
    name: N,
    definition: ResourceDefinition<R, S, P, EntityOf<R[N]>, XC, XU>,
  ): readonly Route<R, S>[];
}
