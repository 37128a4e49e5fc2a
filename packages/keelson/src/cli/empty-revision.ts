/** Revisions to be filled by hand: for data, for indexes that are built beside the service, for whatever tables do not say. */

/** The language of a revision. */
export type EmptyKind = 'sql' | 'ts';

/** The text of a revision that does nothing yet. */
export function emptyRevision(kind: EmptyKind, name: string): string {
  return kind === 'sql' ? emptySql(name) : emptyCode(name);
}

function emptySql(name: string): string {
  return `-- ${name}

-- up
select 1;

-- down
select 1;
`;
}

function emptyCode(name: string): string {
  return `/** ${name.charAt(0).toUpperCase()}${name.slice(1)}. */
import type { RevisionSettings, RevisionSql } from 'keelson/migrate';

export const settings = { transaction: 'on' } satisfies RevisionSettings;

export async function up(sql: RevisionSql): Promise<void> {
  await sql\`select 1\`;
}

export async function down(sql: RevisionSql): Promise<void> {
  await sql\`select 1\`;
}
`;
}
