/** What the tables will become, as far as rows must fit it: types to be read as, values that go, checks and references that come. */
import type { SeedColumn, SeedReference, SeedRule, SeedTable } from './seed-tables.ts';
import { labelsIn, valuesOfTypeName } from './seed-values.ts';
import type { Snapshot } from './snapshot.ts';

const REFERENCE = /^FOREIGN KEY \(([^)]*)\) REFERENCES (\S+?)\(([^)]*)\)/u;

const CHECK = /^CHECK (\(.*\))(?: NO INHERIT)?(?: NOT VALID)?(?: NOT ENFORCED)?(?: inherited)?$/su;

/** The look ahead; without a snapshot there is nothing to see. */
export class Towards {
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot = new Map()) {
    this.#snapshot = snapshot;
  }

  /** The table with the checks and references that it will have. */
  extend(table: SeedTable): SeedTable {
    const prefix = `constraint ${table.place}.`;
    const rules: SeedRule[] = [];
    const references: SeedReference[] = [];
    for (const [key, text] of this.#snapshot) {
      if (!key.startsWith(prefix)) continue;
      const name = key.slice(prefix.length);
      if (table.rules.some((rule) => rule.name === name) || table.references.some((reference) => reference.name === name)) continue;
      const check = CHECK.exec(text)?.[1];
      if (check !== undefined) {
        const columns = table.columns.map((column) => column.name).filter((column) => mentions(text, column));
        rules.push({ name, kind: 'f', columns, text: check });
      }
      const [, own, place, targets] = REFERENCE.exec(text) ?? [];
      if (own !== undefined && place !== undefined && targets !== undefined) {
        const columns = namesIn(own);
        const isThere = columns.every((column) => table.columns.some(({ name: known }) => known === column));
        if (isThere) references.push({ name, columns, place, targets: namesIn(targets) });
      }
    }
    return { ...table, rules: [...table.rules, ...rules], references: [...table.references, ...references] };
  }

  /** The column without the values of its enum that will be gone. */
  narrow(table: SeedTable, column: SeedColumn): SeedColumn {
    const future = this.#futureLabels(table, column);
    const kept = column.labels.filter((label) => future.includes(label));
    return kept.length === 0 ? column : { ...column, labels: kept };
  }

  /** Values that fit the type that the column will have. */
  valuesFor(table: SeedTable, column: SeedColumn): readonly string[] {
    const definition = this.#definition(table, column);
    if (definition === undefined || column.labels.length > 0) return [];
    return [...this.#futureLabels(table, column), ...valuesOfTypeName(definition)];
  }

  #futureLabels(table: SeedTable, column: SeedColumn): readonly string[] {
    const type = /^(?:"(?:[^"]|"")*"|[^\s"([.]|\.)+/u.exec(this.#definition(table, column) ?? '')?.[0];
    return type === undefined ? [] : labelsIn(this.#snapshot.get(`enum ${type}`) ?? '');
  }

  #definition(table: SeedTable, column: SeedColumn): string | undefined {
    const key = `column ${table.place}.`;
    return this.#snapshot.get(key + column.name) ?? this.#snapshot.get(`${key}"${column.name.replaceAll('"', '""')}"`);
  }
}

function mentions(text: string, column: string): boolean {
  return text.split(/[^\w$"]+/u).some((word) => word === column || word === `"${column}"`);
}

function namesIn(list: string): readonly string[] {
  return list.split(', ').map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name));
}
