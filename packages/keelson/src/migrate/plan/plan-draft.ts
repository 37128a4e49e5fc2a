/** Planned revisions as files, and their proof. */
import { isKeelsonError, KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { checkedSlug } from '../file-name.ts';
import { parseRevision, type Revision } from '../revision.ts';
import { shownName } from './names.ts';
import { applyRevisions, type State } from './plan-state.ts';
import type { Parts } from './plan-way.ts';
import { prove } from './prove.ts';
import { renderRevision } from './render-revision.ts';
import type { Shadow } from './shadow.ts';

/** What the files are made for. */
export interface DraftRequest {
  readonly name: string;
  readonly id: string;
  readonly template?: string | undefined;
  readonly namespace: string;
  readonly revisions: readonly Revision[];
  readonly rows?: ((connection: Connection) => Promise<void>) | undefined;
}

/** A revision, and the state that it leads to. */
export interface Draft {
  readonly name: string;
  readonly text: string;
  readonly revision: Revision;
  readonly target: State;
}

/** The way up and down, and where up leads. */
export interface DraftWay {
  readonly up: Parts;
  readonly down: Parts;
  readonly target: State;
}

const MINUTE_MS = 60_000;

/** What a revision is for: what comes, the indexes of it that are built outside a transaction, or what goes. */
export type DraftKind = 'expand' | 'indexes' | 'contract';

const WORDS: Readonly<Record<DraftKind, string>> = {
  expand: '',
  indexes: ': indexes, built while the service writes',
  contract: ': what goes, once no running code uses it',
};

/**
 * A revision as a file. One that follows others of the same plan gets a minute of its own after them, and says in its name what it is for.
 *
 * @throws USAGE when the name has no letter or digit
 */
export function draft(request: DraftRequest, kind: DraftKind, way: DraftWay, place = 0): Draft {
  const slug = checkedSlug(request.name);
  const name = place === 0 ? `${request.id}_${slug}.sql` : `${laterId(request.id, place)}_${slug}_${kind}.sql`;
  const words = place === 0 ? request.name : `${request.name}${WORDS[kind]}`;
  const { up, down, target } = way;
  const text = renderRevision({ name: words.replaceAll(/\s+/g, ' '), kind, up, down, template: request.template });
  return { name, text, revision: parseRevision(name, text), target };
}

/**
 * Proves each file on what is there before it; gives what data does not survive.
 *
 * @throws MIGRATION_NOT_PROVED
 */
export async function proveFiles(
  request: DraftRequest,
  { base, files }: { readonly base: State; readonly files: readonly Draft[] },
): Promise<readonly string[]> {
  const losses: string[] = [];
  let before = base.shadow;
  const revisions = [...request.revisions];
  let { rows } = request;
  for (const [index, file] of files.entries()) {
    const { revision, target } = file;
    try {
      const proof = await prove({
        base: before,
        baseSnapshot: index === 0 ? base.snapshot : undefined,
        target: target.snapshot,
        revisions,
        proposed: [revision],
        namespace: request.namespace,
        rows,
      });
      losses.push(...proof.losses);
    } catch (error) {
      throw withWayOut(error, base, target, request.namespace);
    }
    if (index === files.length - 1) break;
    revisions.push(revision);
    before = await base.bench.clone(before);
    await bringUp(before, { ...request, revisions, rows });
    // They are there already.
    if (rows !== undefined) rows = async () => undefined;
  }
  return losses;
}

async function bringUp(shadow: Shadow, { namespace, rows, revisions }: DraftRequest): Promise<void> {
  const connection = await shadow.connect();
  await rows?.(connection);
  await applyRevisions(connection, revisions, namespace);
}

/** The usual reason why a plan that is right does not run on rows. */
function withWayOut(error: unknown, base: State, target: State, namespace: string): unknown {
  if (!isKeelsonError(error, 'MIGRATION_NOT_PROVED') || !/null value|contains null/i.test(error.message)) return error;
  const column = target.inventory.columns.find(
    (candidate) =>
      !candidate.isNullable &&
      candidate.fallback === undefined &&
      candidate.identity === '' &&
      !candidate.isGenerated &&
      error.message.includes(`"${candidate.name}"`) &&
      base.inventory.find({ kind: 'table', schema: candidate.schema, table: '', name: candidate.table }) !== undefined,
  );
  if (column === undefined) return error;
  return new KeelsonError('MIGRATION_NOT_PROVED', {
    message: error.message,
    hint:
      `Rows that are there have no value for ${shownName(column, namespace)}: give it a default, or add it nullable, ` +
      'fill it in a revision of its own, and make it not null after that.',
    data: error.data,
    cause: error,
  });
}

function laterId(id: string, minutes: number): string {
  const [year, month, day, hour, minute] = [id.slice(0, 4), id.slice(4, 6), id.slice(6, 8), id.slice(9, 11), id.slice(11, 13)];
  const later = new Date(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`) + minutes * MINUTE_MS);
  return later.toISOString().slice(0, 16).replaceAll(/[-:]/g, '');
}
