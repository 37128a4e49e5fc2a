/** The contents of all tables. Tables and columns go by what the server calls them inside, which no renaming changes. */
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import { RELATIONS } from './catalog-tables.ts';

/** A column, and what is needed to compare its values. */
export interface ColumnRows {
  /** Its number in the table: it stays when the column is renamed or gets another type. */
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** The number of its type, which stays when the type is renamed. */
  readonly typeId: string;
  /** What beside its number makes a type another one: length and precision, and the attributes of a composite one. */
  readonly shape: string;
  /** Whether its values are read as JSON, with the names of the attributes. */
  readonly isComposite: boolean;
  readonly isGenerated: boolean;
  /** The values of its enum, each with the number that stays when it is renamed. */
  readonly labels: Readonly<Record<string, string>>;
  /** The sequence that fills it. */
  readonly sequence: string | null;
}

/** A table's contents, in the order in which they lie there. */
export interface TableRows {
  readonly name: string;
  readonly columns: readonly ColumnRows[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** What each sequence gives next, by the id of its column. */
  readonly next: ReadonlyMap<number, bigint>;
}

/** The contents of all tables, by their numbers. */
export type Rows = ReadonlyMap<string, TableRows>;

/** More are not read of one table: what is tried out has few. */
const ROWS_MAX = 10_000;

const TABLES = `
  with ${RELATIONS.replace('$1::oid[]', `(select array_agg(s.oid) from pg_namespace as s where s.nspname not like 'pg\\_%' and s.nspname <> 'information_schema')::oid[]`)}
  select r.oid::text, r.place, coalesce(json_agg(json_build_object(
      'id', a.attnum,
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'typeId', a.atttypid::text,
      'shape', a.atttypmod || coalesce((select string_agg(b.attnum || ' ' || format_type(b.atttypid, b.atttypmod), ', ' order by b.attnum)
        from pg_attribute as b where b.attrelid = coalesce(e.typrelid, t.typrelid) and b.attnum > 0 and not b.attisdropped), ''),
      'isComposite', coalesce(e.typtype, t.typtype) = 'c',
      'isGenerated', a.attgenerated <> '',
      'labels', coalesce((select json_object_agg(l.enumlabel, l.oid::text) from pg_enum as l where l.enumtypid = coalesce(e.oid, t.oid)), '{}'),
      'sequence', (select d.objid::regclass from pg_depend as d
        join pg_class as s on s.oid = d.objid and s.relkind = 'S'
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid and d.refobjsubid = a.attnum
          and d.deptype in ('a', 'i') and (d.deptype = 'i' or pg_get_expr(x.adbin, x.adrelid) like 'nextval(%') limit 1))
      order by a.attnum) filter (where a.attnum is not null), '[]')::text
  from r
  left join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_type as t on t.oid = a.atttypid
  left join pg_type as e on e.oid = t.typelem and t.typcategory = 'A'
  left join pg_attrdef as x on x.adrelid = r.oid and x.adnum = a.attnum
  where r.relkind = 'r' and r.relpersistence <> 't'
  group by r.oid, r.place
  order by r.place`;

/** Reads the contents of all tables that are not the system's; of a partitioned one those of each partition. */
export async function readRows(connection: Connection): Promise<Rows> {
  const { rows } = await connection.query({ text: TABLES, name: undefined, values: [] });
  const tables = rows.map(([id, place, columns]) => ({ id: id ?? '', place: place ?? '', columns: parseColumns(columns ?? '[]') }));
  const read = await Promise.all(
    tables.map(async ({ id, place, columns }): Promise<[string, TableRows]> => {
      const names = columns.map(({ name, isComposite }) => (isComposite ? `to_jsonb(${quoteName(name)})` : quoteName(name))).join(', ');
      const contents = connection.query({ text: `select ${names} from only ${place} limit ${ROWS_MAX}`, name: undefined, values: [] });
      return [id, { name: place, columns, rows: (await contents).rows, next: await readNext(connection, columns) }];
    }),
  );
  return new Map(read);
}

async function readNext(connection: Connection, columns: readonly ColumnRows[]): Promise<ReadonlyMap<number, bigint>> {
  const filled = columns.filter((column) => column.sequence !== null);
  const next = new Map<number, bigint>();
  for (const { id, sequence } of filled) {
    const { rows } = await connection.query({
      text: `select (s.last_value + case when s.is_called then q.seqincrement else 0 end)::text
        from ${sequence ?? ''} as s, pg_sequence as q where q.seqrelid = $1::regclass and q.seqincrement > 0`,
      name: undefined,
      values: [sequence],
    });
    const [value] = rows[0] ?? [];
    if (typeof value === 'string') next.set(id, BigInt(value));
  }
  return next;
}

function parseColumns(text: string): readonly ColumnRows[] {
  return JSON.parse(text) as readonly ColumnRows[];
}
