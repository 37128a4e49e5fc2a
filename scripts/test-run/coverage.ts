/** What the tests reached: node's own figures, with the files that no test loaded counted as not reached. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';

/** What is measured, as globs from the root. */
export const measured = ['packages/*/src/**/*.ts', 'apps/**/*.ts'];

/** What is not: tests, and what was built. */
export const unmeasured = ['**/*.test.ts', '**/*.test-d.ts', '**/*.fixture.ts', '**/dist/**', '**/node_modules/**'];

/** The least share of lines and of branches, in percent. */
const coverageMin = { lines: 90, branches: 85 };

/** One measured file. */
export interface Reached {
  readonly path: string;
  readonly totalLineCount: number;
  readonly coveredLineCount: number;
  readonly totalBranchCount: number;
  readonly coveredBranchCount: number;
}

/** The figures of a run, ready to print, and what is wrong with them. */
export interface CoverageReport {
  readonly lines: readonly string[];
  readonly faults: readonly string[];
}

/** Files that ought to have been loaded but were not: node leaves them out of its figures. */
export function findUnloaded(root: string, reached: readonly Reached[]): Reached[] {
  const loaded = new Set(reached.map((file) => path.resolve(root, file.path)));
  const files = globSync(measured, { cwd: root, exclude: unmeasured }).toSorted();
  return files
    .filter((file) => !loaded.has(path.resolve(root, file)))
    .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))
    .filter(({ file, text }) => hasCode(file, text))
    .map(({ file, text }) => unreached(file, text));
}

function unreached(file: string, text: string): Reached {
  return { path: file, totalLineCount: text.split('\n').length, coveredLineCount: 0, totalBranchCount: 1, coveredBranchCount: 0 };
}

/** Whether anything is left of a file once its types are stripped; a door that only re-exports has nothing to reach. */
function hasCode(file: string, text: string): boolean {
  return parseSync(file, text).program.body.some((statement) => {
    if (statement.type === 'ExportNamedDeclaration') return statement.declaration !== null && !isType(statement.declaration.type);
    return statement.type !== 'ImportDeclaration' && statement.type !== 'ExportAllDeclaration' && !isType(statement.type);
  });
}

function isType(type: string): boolean {
  return type === 'TSInterfaceDeclaration' || type === 'TSTypeAliasDeclaration' || type === 'TSModuleDeclaration';
}

/** Adds the figures up, lists the files below the least share, and says whether the whole is below it. */
export function reportCoverage(root: string, reached: readonly Reached[], unloaded: readonly Reached[]): CoverageReport {
  const files = [...reached, ...unloaded];
  const lines = percent(sum(files, 'coveredLineCount'), sum(files, 'totalLineCount'));
  const branches = percent(sum(files, 'coveredBranchCount'), sum(files, 'totalBranchCount'));
  const weak = files.filter((file) => percent(file.coveredLineCount, file.totalLineCount) < coverageMin.lines);
  const faults: string[] = [];
  if (lines < coverageMin.lines) faults.push(`coverage of lines is ${lines.toFixed(2)} %, below ${coverageMin.lines} %`);
  if (branches < coverageMin.branches) faults.push(`coverage of branches is ${branches.toFixed(2)} %, below ${coverageMin.branches} %`);
  return {
    lines: [
      ...weak.map(
        (file) => `${percent(file.coveredLineCount, file.totalLineCount).toFixed(1).padStart(6)} %  ${relative(root, file.path)}`,
      ),
      `coverage of ${files.length} files: lines ${lines.toFixed(2)} % (≥ ${coverageMin.lines}), branches ${branches.toFixed(2)} % (≥ ${coverageMin.branches})`,
    ],
    faults,
  };
}

function relative(root: string, file: string): string {
  return path.relative(root, path.resolve(root, file));
}

function sum(files: readonly Reached[], key: Exclude<keyof Reached, 'path'>): number {
  return files.reduce((total, file) => total + file[key], 0);
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : (part / whole) * 100;
}
