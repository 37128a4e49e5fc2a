/** The model of an app: its tables and repositories, checked as a whole before anything connects. */
import { KeelsonError } from '../errors.ts';
import { referenced } from '../schema/ddl.ts';
import type { DdlObject } from '../schema/raw-ddl.ts';
import { type AnyTable, tableInfo } from '../schema/table.ts';
import { type EntityMeta, metaOf, refuseFields } from './entity.ts';
import { type EntityClassLike, entityOf, type Repository, type RepositoryPort } from './repository.ts';

/** A class of repositories, with its entities unread. */
export interface AnyRepositoryClass {
  new (port: RepositoryPort): unknown;
  readonly [entityOf]: EntityClassLike;
}

/** The repositories of an app by the names that units of work give them. */
export type Repositories = Readonly<Record<string, AnyRepositoryClass>>;

/** The entity of a class of repositories. */
export type EntityOf<R> = R extends new (port: RepositoryPort) => Repository<infer E> ? E : never;

/** Tables, repositories and where they live. */
export interface Model<R extends Repositories = Repositories> {
  readonly name: string;
  /** The PostgreSQL schema that everything lives in. */
  readonly namespace: string;
  readonly tables: readonly AnyTable[];
  /** What is made beside the tables. */
  readonly objects: readonly DdlObject[];
  readonly repositories: R;
  /** The classes of entities so that those that are referred to come first. */
  readonly writeOrder: readonly EntityMeta[];
}

/** What `defineModel` takes. */
export interface ModelDefinition<R extends Repositories> {
  readonly name: string;
  readonly namespace?: string;
  readonly tables: readonly AnyTable[];
  /** Views, functions, extensions and whatever else `ddl` makes, in an order in which it can be made. */
  readonly objects?: readonly DdlObject[];
  readonly repositories: R;
}

/** Names that a unit of work keeps for itself. */
const RESERVED: ReadonlySet<string> = new Set(['sql', 'emit', 'after', 'commit', 'rollback', 'flush', 'nested']);

/**
 * Puts tables and repositories together.
 *
 * @throws MISUSE when a repository is of a table that is not listed, has a reserved name, or its entity declares fields
 * @example
 * import { table, text, uuid } from 'keelson/schema';
 * import { defineModel, entity, repository } from 'keelson/work';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text() });
 * class Note extends entity(notes) {}
 * class NoteRepository extends repository(Note) {}
 * const model = defineModel({ name: 'notebook', tables: [notes], repositories: { notes: NoteRepository } });
 */
export function defineModel<R extends Repositories>(definition: ModelDefinition<R>): Model<R> {
  const { name, tables, objects = [], repositories } = definition;
  const order = orderTables(tables);
  const metas = Object.entries(repositories).map(([key, repositoryClass]) => {
    const entityClass = repositoryClass[entityOf];
    const meta = metaOf(entityClass);
    if (RESERVED.has(key))
      throw new KeelsonError('MISUSE', { message: `A repository may not be named ${key}: units of work use that name.` });
    if (!tables.includes(meta.declared))
      throw new KeelsonError('MISUSE', {
        message: `The repository ${key} is of the table ${meta.table.name}, which is not in the list of tables.`,
      });
    refuseFields(parseConstructible(entityClass));
    return meta;
  });
  const writeOrder = metas.toSorted((left, right) => order.indexOf(left.declared) - order.indexOf(right.declared));
  return { name, namespace: definition.namespace ?? name, tables, objects, repositories, writeOrder };
}

/** Tables so that each comes after those it refers to; circles are cut where the list began. */
export function orderTables(tables: readonly AnyTable[]): readonly AnyTable[] {
  const ordered = new Set<AnyTable>();
  const visiting = new Set<AnyTable>();
  const byInfo = new Map(tables.map((declared) => [tableInfo(declared), declared]));
  const visit = (declared: AnyTable): void => {
    if (ordered.has(declared) || visiting.has(declared)) return;
    visiting.add(declared);
    for (const column of tableInfo(declared).columns) {
      const target = column.target === undefined ? undefined : byInfo.get(referenced(column, tables));
      if (target !== undefined) visit(target);
    }
    ordered.add(declared);
  };
  for (const declared of tables) visit(declared);
  return [...ordered];
}

function parseConstructible(entityClass: EntityClassLike): new (values: never) => object {
  return entityClass as new (values: never) => object;
}
