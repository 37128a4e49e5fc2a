/** What CI asks of the migrations: files, lock file, replay, ways back, tables, lints. */
import { isKeelsonError, type KeelsonError } from '../../errors.ts';
import { renderSchema } from '../../schema/ddl.ts';
import type { DdlObject } from '../../schema/raw-ddl.ts';
import { quoteName } from '../../schema/sql.ts';
import type { AnyTable } from '../../schema/table.ts';
import { readRevisions } from '../folder.ts';
import { ensureHistory } from '../history.ts';
import { checkLock, LOCK_FILE } from '../lock-file.ts';
import { runInOrder } from '../plan/order.ts';
import { prove } from '../plan/prove.ts';
import type { Shadows } from '../plan/shadow.ts';
import { differences, readSnapshot, type Snapshot, withoutColumnOrder } from '../plan/snapshot.ts';
import type { Revision } from '../revision.ts';
import { type Finding, found, type RuleName } from './finding.ts';
import { lintRevisions } from './lint.ts';
import { Replay } from './replay.ts';

/** What to check. */
export interface CheckRequest {
  readonly shadows: Shadows;
  readonly directory: string;
  readonly namespace: string;
  readonly tables: readonly AnyTable[];
  readonly objects?: readonly DdlObject[] | undefined;
}

/** More differences than a person reads. */
const DIFFERENCES_MAX = 20;

/** Whatever keeps the migrations from being merged or deployed; where no finding is an error, all is well. */
export async function check(request: CheckRequest): Promise<readonly Finding[]> {
  const { shadows, directory, namespace } = request;
  const revisions = await reading(directory);
  if (!Array.isArray(revisions)) return [failureAsFinding('files', directory, revisions)];
  const findings: Finding[] = [...(await lockFindings(directory, revisions))];
  const replayed = await replay(request, revisions);
  findings.push(...replayed.findings);
  if (replayed.head === undefined) return findings;
  findings.push(...(await tableFindings(request, replayed.head, revisions)));
  findings.push(...(await lintRevisions({ shadows, revisions, namespace, tables: request.tables })));
  return findings;
}

async function reading(directory: string): Promise<Revision[] | KeelsonError> {
  try {
    return [...(await readRevisions(directory))];
  } catch (error) {
    if (isKeelsonError(error, 'MIGRATION_INVALID')) return error;
    throw error;
  }
}

async function lockFindings(directory: string, revisions: readonly Revision[]): Promise<readonly Finding[]> {
  const problems = await checkLock(directory, revisions);
  const way = 'npx keelson migrate repair';
  return problems.map((problem) =>
    found('lock-file', { file: `${directory}/${LOCK_FILE}`, line: 1 }, `${problem}.`.replace(/\.\.$/, '.'), way),
  );
}

/** Every revision up, down and up on rows, on what those before it made. */
async function replay(
  { shadows, namespace }: CheckRequest,
  revisions: readonly Revision[],
): Promise<{ readonly findings: readonly Finding[]; readonly head: Snapshot | undefined }> {
  const findings: Finding[] = [];
  const before = new Replay(shadows, revisions, namespace);
  const ahead = new Replay(shadows, revisions, namespace);
  try {
    let head = await ahead.snapshotAt(0);
    for (const [place, revision] of revisions.entries()) {
      try {
        head = await ahead.snapshotAt(place + 1);
      } catch (error) {
        if (!isKeelsonError(error, 'MIGRATION_FAILED')) throw error;
        return { findings: [...findings, failureAsFinding('replay', revision.file, error)], head: undefined };
      }
      if (revision.irreversible) continue;
      const base = await before.at(place);
      findings.push(
        ...(await proofFindings({ base, target: head, revisions: revisions.slice(0, place), proposed: [revision], namespace })),
      );
    }
    return { findings, head };
  } finally {
    await before.close();
    await ahead.close();
  }
}

async function proofFindings(request: Parameters<typeof prove>[0]): Promise<readonly Finding[]> {
  try {
    await prove({ ...request, dataMayChange: true });
    return [];
  } catch (error) {
    if (!isKeelsonError(error, 'MIGRATION_NOT_PROVED')) throw error;
    return [failureAsFinding('reversible', request.proposed[0]?.file ?? '', error)];
  }
}

async function tableFindings(
  { shadows, directory, namespace, tables, objects }: CheckRequest,
  head: Snapshot,
  revisions: readonly Revision[],
): Promise<readonly Finding[]> {
  const { up } = renderSchema(tables, namespace, objects);
  const target = await madeBy(shadows, up, namespace);
  // A column that a revision adds comes last, wherever the code has it.
  const differing = differences(withoutColumnOrder(head), withoutColumnOrder(target));
  const file = revisions.at(-1)?.file ?? directory;
  const shown = differing.slice(0, DIFFERENCES_MAX).map((difference) => `The tables of the code and the revisions differ: ${difference}.`);
  if (differing.length > DIFFERENCES_MAX)
    shown.push(`There are ${differing.length - DIFFERENCES_MAX} more differences between the tables of the code and the revisions.`);
  return shown.map((message) => found('tables', { file, line: 1 }, message, 'npx keelson migrate new "what has changed"'));
}

/** What statements make from nothing. */
async function madeBy(shadows: Shadows, statements: readonly string[], namespace: string): Promise<Snapshot> {
  const shadow = await shadows.create();
  try {
    const connection = await shadow.connect();
    await ensureHistory(connection, namespace);
    await connection.command(`set search_path to ${quoteName(namespace)}, public`);
    await runInOrder(connection, statements);
    return await readSnapshot(connection);
  } finally {
    await shadow.drop();
  }
}

function failureAsFinding(rule: RuleName, file: string, error: KeelsonError): Finding {
  const { file: place, line } = error.data ?? {};
  const at = { file: typeof place === 'string' ? place : file, line: typeof line === 'number' ? line : 1 };
  // The place stands in the finding already.
  const message = error.message.replace(`${at.file}:${at.line}: `, '').replace(`${at.file}: `, '');
  return found(rule, at, message, error.hint);
}
