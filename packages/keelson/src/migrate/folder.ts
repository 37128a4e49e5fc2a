/** The migrations folder of an app: its files as revisions, in order. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors.ts';
import { invalid } from './failure.ts';
import { parseName, suggestName } from './file-name.ts';
import { FILE_BYTES_MAX, parseRevision, type Revision } from './revision.ts';

/** The text that a new revision is made from, where an app has its own. */
export const TEMPLATE = 'template.sql';

const REVISIONS_MAX = 10_000;
/** Files that look like a revision in code; what is called `seed.ts` is none, nor are tests of one. */
const CODE = /^\d{8}T\d{4}_.*(?<!\.test)\.[cm]?[jt]s$/;

/**
 * Reads the revisions of a folder, in the order of their ids. Only `*.sql` and `<id>_*.ts` count; `template.sql` and names that begin with a dot do not.
 *
 * @throws MIGRATION_INVALID naming the file, the line where there is one, and what to do
 * @example
 * import { readRevisions } from 'keelson/migrate';
 * const revisions = await readRevisions('migrations');
 */
export async function readRevisions(directory: string): Promise<readonly Revision[]> {
  const revisions: Revision[] = [];
  let sizeBytes = 0;
  for (const name of await listFiles(directory)) {
    const file = join(directory, name);
    const source = await readText(file);
    sizeBytes += source.length;
    if (sizeBytes > FILE_BYTES_MAX * 8) throw invalid(directory, undefined, 'the revisions are larger than 64 MB together');
    revisions.push(name.endsWith('.ts') ? await loadCode(file, source) : parseRevision(file, source));
  }
  return inOrder(revisions);
}

async function loadCode(file: string, source: string): Promise<Revision> {
  const { loadRevision } = await import('./code.ts');
  return loadRevision(file, source);
}

/**
 * Revisions in the order of their ids.
 *
 * @throws MIGRATION_INVALID when two have the same id, or one replaces another that is still there
 */
export function inOrder(revisions: readonly Revision[]): readonly Revision[] {
  const ordered = revisions.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
  for (const [index, revision] of ordered.entries()) {
    const before = ordered[index - 1];
    if (before?.id !== revision.id) continue;
    const hint = 'Rename the one that nobody has applied yet to a later minute (`git mv`).';
    throw invalid(revision.file, undefined, `its id ${revision.id} is also that of ${before.file}`, hint);
  }
  const byId = new Map(ordered.map((revision) => [revision.id, revision]));
  for (const revision of ordered) {
    const kept = revision.replaces.map((id) => byId.get(id)).find((other) => other !== undefined);
    if (kept !== undefined) throw invalid(revision.file, undefined, `it replaces ${kept.file}, which is still there; remove that file`);
  }
  return ordered;
}

/** The names of the revisions' files, checked against the rule. */
export async function listFiles(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const { name } = entry;
    if (name.startsWith('.') || name === TEMPLATE) continue;
    const file = join(directory, name);
    const isCode = CODE.test(name);
    if (isCode && !name.endsWith('.ts')) {
      throw invalid(file, undefined, 'a revision in code is a file that ends in .ts', 'Rename it, or keep the script elsewhere.');
    }
    if (!isCode && !name.toLowerCase().endsWith('.sql')) continue;
    if (entry.isDirectory()) throw invalid(file, undefined, 'a revision is a file, and this is a folder');
    if (parseName(name) === null) {
      const better = suggestName(name, (await stat(file)).mtime);
      throw invalid(file, undefined, 'the name of a revision is YYYYMMDDTHHMM_slug.sql or .ts', `Rename it to ${better}.`);
    }
    names.push(name);
  }
  if (names.length > REVISIONS_MAX) throw invalid(directory, undefined, `there are more than ${REVISIONS_MAX} revisions`);
  return names.sort();
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    throw new KeelsonError('MIGRATION_INVALID', {
      message: `The migrations folder ${directory} cannot be read.`,
      hint: 'Make it with `keelson migrate new`, or name the folder that holds the revisions.',
      cause,
    });
  }
}

/** The text of a file, of bounded size and good UTF-8. */
export async function readText(file: string): Promise<string> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  if (size > FILE_BYTES_MAX) throw invalid(file, undefined, `it has ${size} bytes, more than ${FILE_BYTES_MAX}; move data out of it`);
  const bytes = await handle.readFile();
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(file, undefined, 'it is not UTF-8 text; save it as UTF-8');
  }
}
