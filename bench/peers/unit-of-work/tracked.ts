/** The identity map and the comparison that one writes oneself over a query builder to get a unit of work. */

/** Remembers each row as it was loaded, and says which have changed since. */
export class Tracked<Row extends { id: string }> {
  readonly #rows = new Map<string, { row: Row; before: Row }>();

  add(loaded: Row): Row {
    const known = this.#rows.get(loaded.id);
    if (known !== undefined) return known.row;
    this.#rows.set(loaded.id, { row: loaded, before: { ...loaded } });
    return loaded;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id)?.row;
  }

  /** The changed rows in the order of their ids, each with its changed columns. */
  changed(): { row: Row; changes: Partial<Row> }[] {
    const all: { row: Row; changes: Partial<Row> }[] = [];
    for (const { row, before } of this.#rows.values()) {
      let changes: Partial<Row> | undefined;
      for (const key in row) {
        if (same(row[key], before[key])) continue;
        changes ??= {};
        changes[key] = row[key];
      }
      if (changes !== undefined) all.push({ row, changes });
    }
    return all.sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
  }
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  return false;
}
