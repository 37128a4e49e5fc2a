/** Drift: what a live database has become that its revisions do not say. */
import type { Connection } from '../../postgres/connection.ts';
import type { Shadows } from '../plan/shadow.ts';
import { differences, readSnapshot, type Snapshot, withoutColumnOrder } from '../plan/snapshot.ts';
import type { Revision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { Replay } from './replay.ts';

/** What to compare. */
export interface DriftRequest {
  readonly live: Connection;
  readonly shadows: Shadows;
  readonly revisions: readonly Revision[];
  readonly namespace: string;
}

/**
 * Where a live database differs from what its applied revisions make, in sentences; none where it does not. Reads only.
 * Of schemas that other apps may share (`public`) only what the revisions make there is looked at.
 */
export async function drift({ live, shadows, revisions, namespace }: DriftRequest): Promise<readonly string[]> {
  const status = await new Migrator({ connection: live, revisions, namespace }).status();
  const applied = new Set(status.applied);
  const present = revisions.filter((revision) => applied.has(revision.id));
  const half = status.halfWay === undefined ? [] : [`${status.halfWay.id} is only half-way ${status.halfWay.direction}; finish it first.`];
  const replay = new Replay(shadows, present, namespace);
  try {
    const expected = await replay.ask(present.length, async (connection) =>
      readOwn(connection, { schemas: await schemasOf(connection), namespace }),
    );
    const actual = await readOwn(live, { schemas: expected.schemas, namespace });
    // What others put into a shared schema is theirs.
    const shared = new Map([...actual.shared].filter(([key]) => expected.shared.has(key)));
    const found = [...compared(actual.own, expected.own), ...compared(shared, expected.shared)];
    return [...status.problems.map(({ message }) => message), ...half, ...found.map((difference) => `${difference}.`)];
  } finally {
    await replay.close();
  }
}

/** What an app has for itself, and what it has in a schema where others have their things too. */
interface Own {
  readonly schemas: readonly string[];
  readonly own: Snapshot;
  readonly shared: Snapshot;
}

const SHARED = 'public';

async function readOwn(
  connection: Connection,
  { schemas, namespace }: { readonly schemas: readonly string[]; readonly namespace: string },
): Promise<Own> {
  const isShared = (schema: string): boolean => schema === SHARED && namespace !== SHARED;
  const own = await readSnapshot(connection, { schemas: schemas.filter((schema) => !isShared(schema)) });
  const shared = await readSnapshot(connection, { schemas: schemas.filter(isShared) });
  return { schemas, own, shared };
}

async function schemasOf(connection: Connection): Promise<readonly string[]> {
  const { rows } = await connection.query({
    text: `
      select n.nspname
      from pg_catalog.pg_namespace as n
      where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
      order by 1`,
    name: undefined,
    values: [],
  });
  return rows.map(([name]) => name ?? '');
}

function compared(actual: Snapshot, expected: Snapshot): readonly string[] {
  return differences(withoutColumnOrder(actual), withoutColumnOrder(expected));
}
