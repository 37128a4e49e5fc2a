/** `revisions.lock`: one line for each revision, so that two branches that both add one conflict in git, and not at the deployment. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Revision } from './revision.ts';

/** The name of the lock file, in the migrations folder. */
export const LOCK_FILE = 'revisions.lock';

const LINE = /^(\S+) ([0-9a-f]{64})$/;
const CONFLICT = /^(?:<{7}|={7}|>{7}|\|{7})(?: |$)/;
const REPAIR = '`keelson migrate repair` writes it anew.';

/** The text of the lock file: the name and the checksum of each revision, in order. */
export function renderLock(revisions: readonly Revision[]): string {
  return revisions.map((revision) => `${basename(revision.file)} ${revision.checksum}\n`).join('');
}

/** Writes the lock file of a folder. */
export async function writeLock(directory: string, revisions: readonly Revision[]): Promise<void> {
  await writeFile(join(directory, LOCK_FILE), renderLock(revisions));
}

/** What does not fit between the lock file and the revisions, in sentences; none when they agree. */
export async function checkLock(directory: string, revisions: readonly Revision[]): Promise<readonly string[]> {
  const file = join(directory, LOCK_FILE);
  const text = await readLock(file);
  if (text === undefined) return revisions.length === 0 ? [] : [`${file} is missing; ${REPAIR}`];
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.some((line) => CONFLICT.test(line))) {
    return [
      `${file} holds a conflict of two branches that each added a revision: rename the one that nobody has applied yet to a later minute (\`git mv\`), so that it runs last everywhere; then ${REPAIR}`,
    ];
  }
  const locked = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of lines.entries()) {
    const [, name, checksum] = LINE.exec(line) ?? [];
    if (name === undefined || checksum === undefined) problems.push(`${file}:${index + 1}: this is not a name and a checksum; ${REPAIR}`);
    else if (locked.has(name)) problems.push(`${file}:${index + 1}: ${name} stands here a second time; ${REPAIR}`);
    else locked.set(name, checksum);
  }
  problems.push(...differences(file, locked, revisions));
  if (problems.length === 0 && text.replaceAll('\r\n', '\n') !== renderLock(revisions)) problems.push(`${file} is not in order; ${REPAIR}`);
  return problems;
}

function differences(file: string, locked: ReadonlyMap<string, string>, revisions: readonly Revision[]): string[] {
  const present = new Set(revisions.map((revision) => basename(revision.file)));
  const gone = [...locked.keys()]
    .filter((name) => !present.has(name))
    .map((name) => `${name} stands in ${file}, but its file is gone; restore it, or, if nobody has applied it, ${REPAIR}`);
  const changed = revisions.flatMap((revision) => {
    const checksum = locked.get(basename(revision.file));
    if (checksum === revision.checksum) return [];
    return checksum === undefined
      ? [`${revision.file} is not in ${file}; ${REPAIR}`]
      : [`${revision.file} was changed after it was written into ${file}; restore it, or, if nobody has applied it, ${REPAIR}`];
  });
  return [...gone, ...changed];
}

async function readLock(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
