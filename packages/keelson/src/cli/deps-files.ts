/** The files of a project while they are replaced: a copy of each is kept, and comes back when the update fails or its process dies. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KeelsonError } from '../errors.ts';

/** Where a project keeps what an update has replaced, from its root. */
export const BACKUP = '.keelson/deps/backup';

const JOURNAL = '.keelson/deps/running.json';

/** What an update is doing. */
interface Journal {
  readonly pid: number;
  readonly files: readonly string[];
}

/** Files that are replaced. */
export interface Replacement {
  /** Puts everything back as it was. */
  readonly restore: () => void;
  /** From here on it is not put back. */
  readonly keep: () => void;
}

/**
 * Puts back what an update that was killed has left behind; gives the files.
 *
 * @throws USAGE when the other update still runs
 */
export function recover(root: string): readonly string[] {
  const journal = readJournal(root);
  if (journal === undefined) return [];
  if (isAlive(journal.pid)) {
    throw new KeelsonError('USAGE', {
      message: `Another update of this project runs, as process ${journal.pid}.`,
      hint: `Wait until it has ended. If that process is none: the files as they were are in ${BACKUP}; delete ${JOURNAL} then.`,
    });
  }
  putBack(root, journal.files);
  return journal.files;
}

/**
 * Replaces files, having kept a copy of each.
 *
 * @throws USAGE when one of them is not what was read, or another update is quicker
 */
export function replaceFiles(root: string, changes: ReadonlyMap<string, { readonly before: string; readonly after: string }>): Replacement {
  const files = [...changes.keys()];
  for (const [file, { before }] of changes) {
    if (!existsSync(path.join(root, file)) || readFileSync(path.join(root, file), 'utf8') !== before) {
      throw new KeelsonError('USAGE', { message: `${file} was changed meanwhile; nothing was written.`, hint: 'Run the update again.' });
    }
  }
  recover(root);
  rmSync(path.join(root, BACKUP), { recursive: true, force: true });
  for (const [file, { before }] of changes) write(path.join(root, BACKUP, file), before);
  write(path.join(root, BACKUP, '../.gitignore'), '*\n');
  write(path.join(root, JOURNAL), JSON.stringify({ pid: process.pid, files } satisfies Journal));
  const restore = (): void => putBack(root, files);
  try {
    for (const [file, { after }] of changes) write(path.join(root, file), after);
  } catch (error) {
    restore();
    throw error;
  }
  return { restore, keep: () => rmSync(path.join(root, JOURNAL), { force: true }) };
}

function putBack(root: string, files: readonly string[]): void {
  for (const file of files) write(path.join(root, file), readFileSync(path.join(root, BACKUP, file), 'utf8'));
  rmSync(path.join(root, JOURNAL), { force: true });
}

/** As a whole or not at all: a reader never sees half of it. */
function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const beside = `${file}.${process.pid}.new`;
  writeFileSync(beside, text);
  renameSync(beside, file);
}

function readJournal(root: string): Journal | undefined {
  const file = path.join(root, JOURNAL);
  return existsSync(file) ? parseJournal(readFileSync(file, 'utf8')) : undefined;
}

function parseJournal(text: string): Journal {
  return JSON.parse(text) as Journal;
}

function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    // It is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
