/** Which test files a run takes: all quick ones, all slow ones, or those that the command line names. */
import { globSync, statSync } from 'node:fs';
import path from 'node:path';

const folders = ['packages', 'apps', 'scripts', 'bench/keelson'];

/** Every test file of the repository, sorted. */
export function findTests(root: string): string[] {
  const patterns = folders.map((folder) => `${folder}/**/*.test.ts`);
  return globSync(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] }).toSorted();
}

/** Slow tests have a run of their own: chaos, browsers, long fixtures. */
function isSlow(file: string): boolean {
  return file.endsWith('.slow.test.ts');
}

/** The files of one run; a name may be a file, a folder or a part of a path, and a name that fits nothing is a fault. */
export function selectTests(found: readonly string[], names: readonly string[], slow: boolean): { files: string[]; unknown: string[] } {
  const quick = found.filter((file) => isSlow(file) === slow);
  if (names.length === 0) return { files: quick, unknown: [] };
  const taken = new Set<string>();
  const unknown: string[] = [];
  for (const name of names) {
    const wanted = path.posix.normalize(name.replace(/\/$/u, ''));
    const exact = found.filter((file) => file === wanted);
    const below = quick.filter((file) => file.startsWith(`${wanted}/`));
    const partial = quick.filter((file) => file.includes(wanted));
    const hits = [exact, below, partial].find((list) => list.length > 0) ?? [];
    if (hits.length === 0) unknown.push(name);
    for (const file of hits) taken.add(file);
  }
  return { files: [...taken].toSorted(), unknown };
}

/** A name of the command line as a path from the root, however it was written. */
export function fromRoot(root: string, name: string): string {
  const absolute = path.resolve(name);
  const exists = statSync(absolute, { throwIfNoEntry: false }) !== undefined;
  return exists ? path.relative(root, absolute).split(path.sep).join('/') : name;
}
