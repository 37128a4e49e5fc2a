/** Raw DDL: what the schema language has no word for, written as the statement that makes it. */
import { asSql, type Named, quoteName, type Sql } from './sql.ts';

/** One statement of DDL that makes something: a view, a function, a trigger, an exclusion constraint, an extension, a comment. */
export interface DdlObject {
  readonly kind: 'ddl';
  readonly text: Sql;
}

/**
 * A statement that makes something beside tables and columns; in the constraints of a table, or in the `objects` of a model.
 *
 * It stands for what is there: when it changes or goes, `migrate new` compares what the database would be, as it does for tables.
 * Names are qualified with the namespace: a table in it is, by itself; other names by `qualified`.
 *
 * @example
 * import { ddl, sql, table, text, uuid } from 'keelson/schema';
 * const rooms = table('rooms', { id: uuid().primaryKey(), label: text() }, (t) => [
 *   ddl(sql`alter table ${t} add constraint rooms_label_excl exclude using hash (${t.label} with =)`),
 * ]);
 */
export function ddl(text: Sql): DdlObject {
  return { kind: 'ddl', text };
}

/**
 * A name in the namespace of the app, for what is no table.
 *
 * @example
 * import { ddl, qualified, sql } from 'keelson/schema';
 * const answer = ddl(sql`create function ${qualified('answer')}() returns integer language sql immutable return 42`);
 */
export function qualified(name: string): Named {
  return { [asSql]: (namespace) => `${quoteName(namespace)}.${quoteName(name)}` };
}
