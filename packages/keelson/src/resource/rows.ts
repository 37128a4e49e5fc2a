/** Rows of a resource: found, made, changed and removed for one caller, each in one unit of work. */
import { KeelsonError } from '../errors.ts';
import type { RouteContext } from '../http/route.ts';
import type { ColumnInfo } from '../schema/table.ts';
import { parseTime } from '../schema/time.ts';
import type { ListPage, ListRequest } from '../work/list-request.ts';
import type { ListRules } from '../work/list-rules.ts';
import type { Fields } from '../work/mapper.ts';
import type { Repositories } from '../work/model.ts';
import type { Unit } from '../work/unit.ts';
import { allowsWrite, etagOf } from './etag.ts';
import type { Plan } from './plan.ts';
import type { Hook, RowAction } from './resource.ts';

/** A call of a resource, its input unread. */
export type ResourceCall<R extends Repositories, S, P> = RouteContext<R, S, P, unknown, unknown, unknown>;

/** A repository as resources use it. */
interface UnitRows {
  find(filter: Fields): Promise<Fields | null>;
  get(key: unknown, options: { readonly lock: true }): Promise<Fields>;
  addMany(entities: readonly Fields[]): readonly Fields[];
  remove(entity: Fields): void;
  refresh(entities: readonly Fields[]): Promise<void>;
}

/** The rows of one table outside of a unit, as resources use them. */
interface ReaderRows {
  find(filter: Fields): Promise<Fields | null>;
  page(request: ListRequest, options: { readonly rules: ListRules; readonly scope?: Fields | undefined }): Promise<ListPage<Fields>>;
}

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
    const scope = this.#plan.scope?.(principal);
    if (scope === 'nothing') {
      return {
        items: [],
        size: request.size,
        ...(request.cursor === undefined && { page: request.page ?? 1 }),
        ...(request.isTotalWanted && { total: 0 }),
      };
    }
    return database.read((reader) => this.#ofReader(reader).page(request, { rules: this.#rules, ...(scope !== undefined && { scope }) }));
  }

  /**
   * The row with a key, if the caller may see it.
   *
   * @throws NOT_FOUND
   */
  async read({ database, principal }: ResourceCall<R, S, P>, key: unknown): Promise<Fields> {
    const filter = this.#filterOf(principal, key);
    const row = filter === undefined ? null : await database.read((reader) => this.#ofReader(reader).find(filter));
    return row ?? this.#missing(key);
  }

  /**
   * Makes rows, all or none, by one statement.
   *
   * @throws FORBIDDEN where the caller may not
   */
  async create(call: ResourceCall<R, S, P>, bodies: readonly Fields[]): Promise<readonly Fields[]> {
    const { onCreate, afterCreate, create } = this.#plan;
    return call.database.work(
      async (unit) => {
        const rows = this.#ofUnit(unit);
        const made = bodies.map((body) => {
          const values = valuesOf(create, body);
          return { entity: new this.#plan.entity(values), body: { ...body, ...values } };
        });
        for (const { entity } of made) this.#ask(call, entity, 'create');
        await this.#run(onCreate, call, unit, made);
        rows.addMany(made.map(({ entity }) => entity));
        await unit.flush();
        await this.#run(afterCreate, call, unit, made);
        const entities = made.map(({ entity }) => entity);
        if (onCreate !== undefined || afterCreate !== undefined) await this.#reread(unit, entities);
        return entities;
      },
      { name: `${this.#plan.name}.create` },
    );
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
    const given = valuesOf(change, body);
    const values = isWhole ? { ...fallbacksOf(change), ...given } : given;
    return call.database.work(
      async (unit) => {
        const entity = await this.#find(call, unit, { key, action: 'change' });
        Object.assign(entity, values);
        const made = [{ entity, body: { ...body, ...given } }];
        await this.#run(onChange, call, unit, made);
        this.#ask(call, entity, 'change');
        await unit.flush();
        await this.#run(afterChange, call, unit, made);
        if (onChange !== undefined || afterChange !== undefined) await this.#reread(unit, [entity]);
        return entity;
      },
      { name: `${this.#plan.name}.change` },
    );
  }

  /**
   * Removes a row.
   *
   * @throws NOT_FOUND, FORBIDDEN, CONFLICT, STALE_VERSION, PRECONDITION_FAILED
   */
  async remove(call: ResourceCall<R, S, P>, key: unknown): Promise<void> {
    await call.database.work(
      async (unit) => {
        const entity = await this.#find(call, unit, { key, action: 'remove' });
        await this.#run(this.#plan.onRemove, call, unit, [{ entity, body: {} }]);
        this.#ofUnit(unit).remove(entity);
      },
      { name: `${this.#plan.name}.remove` },
    );
  }

  async #find(
    call: ResourceCall<R, S, P>,
    unit: Unit<R>,
    { key, action }: { readonly key: unknown; readonly action: RowAction },
  ): Promise<Fields> {
    const filter = this.#filterOf(call.principal, key);
    const entity = filter === undefined ? null : await this.#ofUnit(unit).find(filter);
    if (entity === null) return this.#missing(key);
    this.#ask(call, entity, action);
    await this.#match(call, unit, entity);
    return entity;
  }

  /** Holds a row to the version that the caller knows; locked, since what is written may be beside it. */
  async #match({ request, reply }: ResourceCall<R, S, P>, unit: Unit<R>, entity: Fields): Promise<void> {
    const { version, key } = this.#plan;
    const condition = request.headers['if-match'];
    if (condition === undefined || version === undefined) return;
    await this.#ofUnit(unit).get(entity[key.key], { lock: true });
    const etag = etagOf(entity[version.key]);
    if (allowsWrite(condition, etag)) return;
    reply.header('etag', etag);
    throw new KeelsonError('PRECONDITION_FAILED');
  }

  /** The key within the scope of a caller; undefined where there is nothing for them. */
  #filterOf(principal: P, key: unknown): Fields | undefined {
    const {
      key: { key: name },
    } = this.#plan;
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

  #ask({ principal }: ResourceCall<R, S, P>, entity: Fields, action: RowAction): void {
    if (this.#plan.may?.(entity, { principal, action }) === false) throw new KeelsonError('FORBIDDEN');
  }

  async #run(
    hook: Hook<R, S, P, Fields, Fields> | undefined,
    { principal, services, log }: ResourceCall<R, S, P>,
    unit: Unit<R>,
    made: readonly { readonly entity: Fields; readonly body: Fields }[],
  ): Promise<void> {
    // bounded by: BULK_ROWS_MAX; one after another, since they share a connection
    for (const { entity, body } of made) await hook?.(entity, { body, unit, principal, services, log });
  }

  /** What the hooks wrote may have changed the rows, by triggers. */
  async #reread(unit: Unit<R>, entities: readonly Fields[]): Promise<void> {
    await unit.flush();
    await this.#ofUnit(unit).refresh(entities);
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

/** The columns that a body says, as entities carry them. */
function valuesOf(columns: readonly ColumnInfo[], body: Fields): Fields {
  const said = columns.filter(({ key }) => body[key] !== undefined);
  return Object.fromEntries(said.map((column) => [column.key, column.kind === 'time' ? timeOf(body[column.key]) : body[column.key]]));
}

function timeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(timeOf);
  return typeof value === 'string' ? parseTime(value) : value;
}

/** What a row that is replaced has where nothing is said. */
function fallbacksOf(columns: readonly ColumnInfo[]): Fields {
  const loose = columns.filter(({ isNullable, defaultValue }) => isNullable || defaultValue !== undefined);
  return Object.fromEntries(loose.map(({ key, defaultValue }) => [key, defaultValue === undefined ? null : structuredClone(defaultValue)]));
}

/** Units and readers have the repositories of the model by name; which one it is, the types have seen to. */
function parseNamed<T>(unit: object, name: string): T {
  return (unit as Readonly<Record<string, T>>)[name] as T;
}
