/** What a database holds, read for the planner: names, owners and definitions, so that it can tell what is lost, what is new and what only changed its name. */
import type { Connection } from '../../postgres/connection.ts';
import { INVENTORY_SQL } from './inventory-sql.ts';

/** The kinds of objects that the planner tells apart. */
export type ItemKind =
  | 'schema'
  | 'table'
  | 'column'
  | 'view'
  | 'sequence'
  | 'enum'
  | 'type'
  | 'constraint'
  | 'index'
  /** What a partition has because its table has it; only the names are its own. */
  | 'part constraint'
  | 'part index'
  | 'trigger'
  | 'policy'
  | 'function'
  | 'extension';

/** An object of a database. */
export interface Item {
  readonly kind: ItemKind;
  readonly schema: string;
  /** The table it belongs to; '' where there is none. */
  readonly table: string;
  readonly name: string;
  /** What it is, in the words of PostgreSQL, without its own name: the type of a column, the condition of a check, … */
  readonly definition: string;
  /** The columns that it mentions; of an enum, its values in order. */
  readonly parts: readonly string[];
}

/** What more there is to know of a column. */
export interface ColumnItem extends Item {
  readonly isNullable: boolean;
  readonly fallback: string | undefined;
  /** `always`, `by default`, or '' for a column that is none. */
  readonly identity: string;
  readonly isGenerated: boolean;
  /** Whether a sequence belongs to it. */
  readonly hasSequence: boolean;
  /** The enum that it holds, also in an array, as `schema` and `name`. */
  readonly enumSchema: string;
  readonly enumName: string;
  readonly isArray: boolean;
  readonly isPartition: boolean;
}

/** What a database holds. */
export class Inventory {
  /** All but what partitions have because their table has it. */
  readonly items: readonly Item[];
  readonly columns: readonly ColumnItem[];
  readonly #all: readonly Item[];
  readonly #byKey: ReadonlyMap<string, Item>;
  readonly #columnsByKey: ReadonlyMap<string, ColumnItem>;

  constructor(items: readonly Item[], columns: readonly ColumnItem[]) {
    this.#all = [...items, ...columns];
    this.items = this.#all.filter(({ kind }) => kind !== 'part constraint' && kind !== 'part index');
    this.columns = columns;
    this.#byKey = new Map(this.#all.map((item) => [keyOf(item), item]));
    this.#columnsByKey = new Map(columns.map((column) => [keyOf(column), column]));
  }

  /** The object of the same kind and name, or undefined. */
  find(item: Pick<Item, 'kind' | 'schema' | 'table' | 'name'>): Item | undefined {
    return this.#byKey.get(keyOf(item));
  }

  /** The column of the same name, or undefined. */
  findColumn(item: Pick<Item, 'schema' | 'table' | 'name'>): ColumnItem | undefined {
    return this.#columnsByKey.get(keyOf({ ...item, kind: 'column' }));
  }

  /** All of one kind. */
  list(kind: ItemKind): readonly Item[] {
    return this.#all.filter((item) => item.kind === kind);
  }
}

/** Reads what a database holds, without the system's own, what extensions brought, and the history of migrations. */
export async function readInventory(connection: Connection): Promise<Inventory> {
  const { rows } = await connection.query({ text: INVENTORY_SQL, name: undefined, values: [] });
  const items: Item[] = [];
  const columns: ColumnItem[] = [];
  for (const [kind = '', schema, table, name, definition, parts, detail] of rows) {
    const item = {
      kind: parseKind(kind ?? ''),
      schema: schema ?? '',
      table: table ?? '',
      name: name ?? '',
      definition: definition ?? '',
      parts: parseTexts(parts ?? '[]'),
    };
    if (item.kind === 'column') columns.push({ ...item, ...parseDetail(detail ?? '{}') });
    else items.push(item);
  }
  return new Inventory(items, columns);
}

/** A text that is the same for the same object only. */
function keyOf({ kind, schema, table, name }: Pick<Item, 'kind' | 'schema' | 'table' | 'name'>): string {
  // A sequence keeps its name whoever owns it.
  return JSON.stringify([kind, schema, kind === 'sequence' ? '' : table, name]);
}

function parseKind(kind: string): ItemKind {
  return kind as ItemKind;
}

function parseTexts(text: string): readonly string[] {
  return JSON.parse(text) as string[];
}

type Detail = Omit<ColumnItem, keyof Item>;

function parseDetail(text: string): Detail {
  const detail = JSON.parse(text) as Omit<Detail, 'fallback'> & { readonly fallback: string | null };
  return { ...detail, fallback: detail.fallback ?? undefined };
}
