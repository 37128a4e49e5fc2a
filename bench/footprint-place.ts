/** The database of the footprint benchmark, with the roles that the containers have. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { renderRoles } from '../scripts/containers/image.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import { openDatabase } from './server.ts';

/** Where the applications of the benchmark keep what they keep. */
export interface Place {
  readonly ownerUrl: string;
  readonly userUrl: string;
  close(): Promise<void>;
}

/** A database with the roles that the containers have: an owner who migrates, a user whom policies bind. */
export async function openPlace(options: BenchmarkOptions): Promise<Place> {
  const root = path.resolve(import.meta.dirname, '..');
  const database = await openDatabase(options, 'footprint', []);
  const [owner, user] = ['owner', 'user'].map((role) => `keelson_bench_footprint_${process.pid}_${role}`);
  if (owner === undefined || user === undefined) throw new Error('There are two roles.');
  const url = new URL(database.url);
  const password = randomBytes(12).toString('hex');
  await database.query(
    renderRoles(root, { DBNAME: url.pathname.slice(1), owner, user, owner_password: password, user_password: password }),
  );
  const as = (name: string): string => Object.assign(new URL(url), { username: name, password }).href;
  return {
    ownerUrl: as(owner),
    userUrl: as(user),
    close: async () => {
      try {
        // One after the other: both at once trip over the default privileges of one for the other.
        await database.query(`drop owned by ${owner} cascade`);
        await database.query(`drop owned by ${user} cascade`);
        await database.query(`drop role ${owner}, ${user}`);
      } finally {
        await database.close();
      }
    },
  };
}
