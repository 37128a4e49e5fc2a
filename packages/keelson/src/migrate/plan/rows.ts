/** The contents of all tables, and what of them did not survive. */
import type { Connection } from '../../postgres/connection.ts';

/** The contents of all tables by name. */
export type Rows = ReadonlyMap<string, unknown>;

/** Reads the contents of all tables. */
export async function readRows(_connection: Connection): Promise<Rows> {
  return new Map();
}
