/** Rows of a resource: found, made, changed and removed for one caller, each in one unit of work. */
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { RouteContext } from '../http/route.ts';
import { sql } from '../schema/sql.ts';
import type { ListPage, ListRequest } from '../work/list-request.ts';
import type { ListRules } from '../work/list-rules.ts';
import type { Fields } from '../work/mapper.ts';
import type { Repositories } from '../work/model.ts';
import type { Unit } from '../work/unit.ts';
import { fallbacksOf, valuesOf } from './body-values.ts';
import { allowsWrite, etagOf } from './etag.ts';
import type { Plan } from './plan.ts';
import { type Attempt, inWordsOf, placed } from './refusal.ts';
import type { Hook, NewRow, RowAction, RowsHookContext } from './resource.ts';
import { listScope, Sight } from './within.ts';

/** A call of a resource, its input unread. */
export type ResourceCall<R extends Repositories, S, P> = RouteContext<R, S, P, unknown, unknown, unknown>;

/** A repository as resources use it. */
interface UnitRows {
  find(filter: Fields): Promise<Fields | null>;
  addMany(entities: readonly Fields[]): readonly Fields[];
  remove(entity: Fields): void;
  refresh(entities: readonly Fields[]): Promise<void>;
}

/** The rows of one table outside of a unit, as resources use them. */
interface ReaderRows {
  find(filter: Fields): Promise<Fields | null>;
  page(request: ListRequest, options: { readonly rules: ListRules; readonly scope?: Fields | undefined }): Promise<ListPage<Fields>>;
}

/** The row of a write, and the version that was read of it. */
interface Seen {
  readonly key: unknown;
  readonly action: RowAction;
  /** Whether it is locked whatever else is said: somebody else was quicker before. */
  readonly isLocked: boolean;
  version: unknown;
}

/** A row of a write, what was said of it (undefined where it is removed), and where in the request. */
type Made = NewRow<Fields, Fields | undefined>;

/** What is done to the rows of one resource. */
export class ResourceRows<R extends Repositories, S, P> {
  readonly #plan: Plan<R, S, P>;
  readonly #rules: ListRules;

  constructor(plan: Plan<R, S, P>, rules: ListRules) {
    this.#plan = plan;
    this.#rules = rules;
  }

  /** One page of what the caller may see. */
  async list({ database, principal }: ResourceCall<R, S, P>, request: ListRequest): Promise<ListPage<Fields>> {
    const scope = listScope(this.#plan, principal, request);
    if (scope === 'nothing') {
      return {
        items: [],
        size: request.size,
        ...(request.cursor === undefined && { page: request.page ?? 1 }),
        ...(request.isTotalWanted && { total: 0 }),
      };
    }
    const read = (wanted: ListRequest): Promise<ListPage<Fields>> =>
      database.read((reader) => this.#ofReader(reader).page(wanted, { rules: this.#rules, ...(scope !== undefined && { scope }) }));
    if (this.#plan.showWithin.size === 0) return read(request);
    const sight = Sight.of(this.#plan, principal);
    const page = await read({ ...request, keys: sight.needed(request.keys) });
    return { ...page, items: page.items.map((row) => sight.show(row, request.keys ?? this.#rules.columns)) };
  }

  /**
   * The row with a key, if the caller may see it.
   *
   * @throws NOT_FOUND
   */
  async read({ database, principal }: ResourceCall<R, S, P>, key: unknown): Promise<Fields> {
    const filter = this.#filterOf(principal, key);
    const row = filter === undefined ? null : await database.read((reader) => this.#ofReader(reader).find(filter));
    return this.#seenBy(principal, row ?? this.#missing(key));
  }

  /**
   * Makes rows, all or none, by one statement.
   *
   * @throws FORBIDDEN where the caller may not
   */
  async create(call: ResourceCall<R, S, P>, bodies: readonly Fields[], isBulk = false): Promise<readonly Fields[]> {
    const { onCreate, beforeCreate, afterCreate, create } = this.#plan;
    const field = isBulk ? 'body.items' : 'body';
    const entities = await this.#write(call, { action: 'create', field }, async (unit) => {
      const rows = this.#ofUnit(unit);
      const made = bodies.map((body, index): Made => {
        const place = isBulk ? `body.items[${index}]` : 'body';
        const values = valuesOf(create, body, place);
        return { entity: new this.#plan.entity(values), body: { ...body, ...values }, place };
      });
      for (const { entity } of made) this.#ask(call, entity, 'create');
      await this.#run(onCreate, call, unit, made);
      await beforeCreate?.(made, contextOf(call, unit));
      rows.addMany(made.map(({ entity }) => entity));
      if (afterCreate !== undefined) await this.#writeBeside(unit, made, async () => afterCreate(made, contextOf(call, unit)));
      return made.map(({ entity }) => entity);
    });
    return entities.map((entity) => this.#seenBy(call.principal, entity));
  }

  /**
   * Changes a row; `isWhole` puts what is not said back to its default.
   *
   * @throws NOT_FOUND, FORBIDDEN, STALE_VERSION, PRECONDITION_FAILED
   */
  async change(
    call: ResourceCall<R, S, P>,
    key: unknown,
    { body, isWhole }: { readonly body: Fields; readonly isWhole: boolean },
  ): Promise<Fields> {
    const { onChange, afterChange, change } = this.#plan;
    const given = valuesOf(change, body, 'body');
    const values = isWhole ? { ...fallbacksOf(change), ...given } : given;
    const changed = await this.#write(call, { action: 'change', field: 'body', key }, async (unit, seen) => {
      const said = { ...body, ...given };
      const entity = await this.#find(call, unit, seen, said);
      Object.assign(entity, values);
      const made = [{ entity, body: said, place: 'body' }];
      await this.#run(onChange, call, unit, made);
      this.#ask(call, entity, 'change');
      if (afterChange !== undefined) await this.#writeBeside(unit, made, () => this.#run(afterChange, call, unit, made));
      return entity;
    });
    return this.#seenBy(call.principal, changed);
  }

  /**
   * Removes a row.
   *
   * @throws NOT_FOUND, FORBIDDEN, CONFLICT, STALE_VERSION, PRECONDITION_FAILED
   */
  async remove(call: ResourceCall<R, S, P>, key: unknown): Promise<void> {
    await this.#write(call, { action: 'remove', field: 'body', key }, async (unit, seen) => {
      const entity = await this.#find(call, unit, seen);
      await this.#run(this.#plan.onRemove, call, unit, [{ entity, body: undefined, place: 'body' }]);
      this.#ofUnit(unit).remove(entity);
    });
  }

  /** One unit of work; what the database refuses is told in the words of the resource. */
  async #write<T>(
    call: ResourceCall<R, S, P>,
    { action, field, key }: { readonly action: RowAction; readonly field: Attempt['field']; readonly key?: unknown },
    block: (unit: Unit<R>, seen: Seen) => Promise<T>,
  ): Promise<T> {
    const { name, noun, meta } = this.#plan;
    const attempt = async (isLocked: boolean): Promise<T> => {
      const seen: Seen = { key, action, isLocked, version: undefined };
      try {
        return await call.database.work((unit) => block(unit, seen), { name: `${name}.${action}` });
      } catch (error) {
        if (await this.#isOnlySeen(call, seen, error)) throw new KeelsonError('FORBIDDEN', { cause: error });
        // Who names no version means the row as it is by now: once more, and this time nobody comes in between.
        const isUnconditional = call.request.headers['if-match'] === undefined;
        if (!isLocked && isUnconditional && isKeelsonError(error, 'STALE_VERSION')) return attempt(true);
        throw inWordsOf({ table: meta.table, noun, action, field }, error);
      }
    };
    return attempt(false);
  }

  /** Policies let a row be seen that the same caller may not write: it is there, nobody has changed it, and no statement reaches it. */
  async #isOnlySeen(call: ResourceCall<R, S, P>, { key, version }: Seen, error: unknown): Promise<boolean> {
    const isMissed = isKeelsonError(error, 'STALE_VERSION') || isKeelsonError(error, 'NOT_FOUND');
    const column = this.#plan.version;
    const filter = isMissed && version !== undefined && column !== undefined ? this.#filterOf(call.principal, key) : undefined;
    if (filter === undefined || column === undefined) return false;
    const row = await call.database.read((reader) => this.#ofReader(reader).find(filter));
    return row?.[column.key] === version;
  }

  async #find(call: ResourceCall<R, S, P>, unit: Unit<R>, seen: Seen, body?: Fields): Promise<Fields> {
    const { version, beforeLock } = this.#plan;
    const filter = this.#filterOf(call.principal, seen.key);
    const entity = filter === undefined ? null : await this.#ofUnit(unit).find(filter);
    if (entity === null) return this.#missing(seen.key);
    seen.version = version && entity[version.key];
    this.#ask(call, entity, seen.action);
    await this.#run(beforeLock, call, unit, [{ entity, body, place: 'body' }]);
    await this.#match(call, unit, entity, seen);
    // What was locked may have been moved since it was read.
    this.#ask(call, entity, seen.action);
    return entity;
  }

  /** Holds a row to the version that the caller knows; locked where something is written beside it, which no version would guard. */
  async #match({ request, reply }: ResourceCall<R, S, P>, unit: Unit<R>, entity: Fields, { isLocked }: Seen): Promise<void> {
    const { version, afterChange, onRemove } = this.#plan;
    const condition = version === undefined ? undefined : request.headers['if-match'];
    if (condition === undefined && !isLocked && (afterChange ?? onRemove) === undefined) return;
    await this.#lock(unit, entity);
    if (condition === undefined || version === undefined) return;
    const etag = etagOf(entity[version.key]);
    if (allowsWrite(condition, etag)) return;
    reply.header('etag', etag);
    throw new KeelsonError('PRECONDITION_FAILED');
  }

  /** No more than an update would take: whoever writes a reference to the row need not wait. Both statements leave together. */
  async #lock(unit: Unit<R>, entity: Fields): Promise<void> {
    const { table, key } = this.#plan;
    const given = entity[key.key];
    const lock = sql<object>`select from ${table} where ${sql.identifier(key.name)} = ${String(given)} for no key update`;
    const [locked] = await Promise.all([unit.sql(lock), this.#ofUnit(unit).refresh([entity])]);
    if (locked.length === 0) this.#missing(given);
  }

  /** The key within the scope of a caller; undefined where there is nothing for them. */
  #filterOf(principal: P, given: unknown): Fields | undefined {
    const { key: column } = this.#plan;
    const name = column.key;
    // PostgreSQL writes a UUID in lower case, and so does whoever made the scope.
    const key = column.sqlType === 'uuid' ? String(given).toLowerCase() : given;
    const scope = this.#plan.scope?.(principal);
    if (scope === 'nothing') return undefined;
    const condition = scope?.[name];
    if (condition === undefined) return { ...scope, [name]: key };
    if (Array.isArray(condition) ? condition.includes(key) : condition === key) return { ...scope, [name]: key };
    if (Array.isArray(condition) || typeof condition === 'string') return undefined;
    throw new KeelsonError('MISUSE', {
      message: `The scope of ${this.#plan.name} compares its key; it may only be a key, or a list of keys.`,
    });
  }

  #seenBy(principal: P, row: Fields): Fields {
    return this.#plan.showWithin.size === 0 ? row : Sight.of(this.#plan, principal).show(row, this.#rules.columns);
  }

  #ask({ principal }: ResourceCall<R, S, P>, entity: Fields, action: RowAction): void {
    if (this.#plan.may?.(entity, { principal, action }) === false) throw new KeelsonError('FORBIDDEN');
  }

  async #run(
    hook: Hook<R, S, P, Fields, Fields | undefined> | undefined,
    call: ResourceCall<R, S, P>,
    unit: Unit<R>,
    made: readonly Made[],
  ): Promise<void> {
    if (hook === undefined) return;
    // bounded by: BULK_ROWS_MAX; one after another, since they share a connection
    for (const { entity, body, place } of made) {
      try {
        await hook(entity, { ...contextOf(call, unit), body });
      } catch (error) {
        throw placed(error, place);
      }
    }
  }

  /** Writes the rows, then what belongs to them, and reads them again: triggers may have changed them. */
  async #writeBeside(unit: Unit<R>, made: readonly Made[], block: () => Promise<void>): Promise<void> {
    await unit.flush();
    await block();
    await unit.flush();
    await this.#ofUnit(unit).refresh(made.map(({ entity }) => entity));
  }

  #missing(key: unknown): never {
    throw new KeelsonError('NOT_FOUND', { message: `There is no ${this.#plan.noun} ${String(key)}.` });
  }

  #ofUnit(unit: object): UnitRows {
    return parseNamed<UnitRows>(unit, this.#plan.name);
  }

  #ofReader(reader: object): ReaderRows {
    return parseNamed<ReaderRows>(reader, this.#plan.name);
  }
}

/** What hooks are given of a call. */
function contextOf<R extends Repositories, S, P>(
  { principal, services, request, log }: ResourceCall<R, S, P>,
  unit: Unit<R>,
): RowsHookContext<R, S, P> {
  return { unit, principal, services, request, log };
}

/** Units and readers have the repositories of the model by name; which one it is, the types have seen to. */
function parseNamed<T>(unit: object, name: string): T {
  return (unit as Readonly<Record<string, T>>)[name] as T;
}
