/** The files of the repository as text, and what a checker says about them. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** One file; its path is from the root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every rule of tidy; each has a planted fault in `scripts/canaries/tidy.test.ts`. */
export const tidyRules = [
  'white-space',
  'final-newline',
  'left-over',
  'merge-mark',
  'yaml',
  'json',
  'file-name',
  'file-size',
  'function-size',
  'first-sentence',
  'bounded',
  'throws-code',
  'unit-last',
  'level',
  'level-unknown',
  'own-door',
  'outside',
  'exception-unused',
  'cycle',
  'role',
  'flow',
  'across',
  'door',
  'role-door',
  'app-border',
  'door-list',
  'documented',
  'link',
  'path',
  'command',
  'line-number',
  'lock',
] as const;

/** A rule of tidy. */
export type TidyRule = (typeof tidyRules)[number];

/** One fault, at a place. */
export interface Problem {
  readonly path: string;
  readonly line: number;
  readonly rule: TidyRule;
  readonly message: string;
}

const textual = new Set(['.ts', '.js', '.json', '.md', '.yml', '.yaml', '.sql', '.sh', '.css', '.html', '.txt', '.example', '']);
const skipped = new Set(['node_modules', '.git', 'dist', 'coverage', '.keelson']);

/** Every text file that git knows or would add; without git, every one that lies there. */
export function readSources(root: string): SourceFile[] {
  return listFiles(root)
    .filter((file) => textual.has(path.extname(file)))
    .filter((file) => statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile() === true)
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }))
    .filter((file) => !file.text.includes('\0'));
}

function listFiles(root: string): string[] {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  if (listed.status === 0) return [...new Set(listed.stdout.split('\0'))].filter((file) => file !== '').toSorted();
  return walk(root, '').toSorted();
}

function walk(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(root, file);
    return [file];
  });
}

/** Whether a file is a test, of behaviour or of types, or only there for tests. */
export function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || file.endsWith('.test-d.ts') || file.endsWith('.fixture.ts');
}

/** The line of an offset in a text, from one. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** The lines of a file with their numbers. */
export function numbered(text: string): { readonly line: number; readonly content: string }[] {
  return text.split('\n').map((content, index) => ({ line: index + 1, content }));
}
