/** The names of what belongs to a table: constraints, indexes, policies. */
import { createHash } from 'node:crypto';

/** PostgreSQL's own limit for names, in bytes. */
const NAME_BYTES_MAX = 63;

/** The name of a constraint, an index or a policy, cut to what PostgreSQL keeps, with a hash in place of the rest. */
export function constraintName(
  table: string,
  columns: readonly string[],
  suffix: 'key' | 'idx' | 'fkey' | 'check' | 'pkey' | 'policy',
): string {
  const name = [table, ...columns, suffix].join('_');
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, NAME_BYTES_MAX - hash.length - suffix.length - 2)}_${hash}_${suffix}`;
}
