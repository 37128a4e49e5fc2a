/** Puts a few rows into every table, so that what is tried out is tried out on data. */
import type { Connection } from '../../postgres/connection.ts';

/** How much is put in. */
export interface SeedOptions {
  /** 3 unless said otherwise. */
  readonly rowsPerTable?: number | undefined;
}

/** Fills the tables as well as it can; one that cannot be filled stays empty. */
export async function seedRows(_connection: Connection, _options: SeedOptions = {}): Promise<void> {
  // filled in below
}
