/** Checks what is about to be committed, and only that: format, lint, types, white space, YAML. `git commit --no-verify` goes past it. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ProgramResult, runProgram } from './check/program.ts';
import { checkData, checkText } from './tidy/text.ts';

// git starts a hook at the top of the working tree.
const root = process.cwd();

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', [...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status === 0) return stdout;
  console.error(stderr);
  process.exit(1);
}

function staged(filter: string): string[] {
  const listed = git('diff', '--cached', '--name-only', '--no-renames', '-z', `--diff-filter=${filter}`);
  return listed.split('\0').filter((file) => file !== '');
}

/** Lays the index out in a folder of its own, so that work beside the commit is neither checked nor leaned on. */
function layOut(folder: string): void {
  git('checkout-index', '--all', `--prefix=${folder}/`);
  for (const owner of ['.', ...globSync('{packages,apps}/*', { cwd: root })]) linkModules(owner, folder);
  mkdirSync(path.join(folder, 'node_modules'), { recursive: true });
  for (const name of globSync('packages/*', { cwd: folder })) {
    const link = path.join(folder, 'node_modules', path.basename(name));
    if (!existsSync(link)) symlinkSync(path.join(folder, name), link, 'junction');
  }
}

/** Links what is installed, except the workspaces themselves: those are taken from the index. */
function linkModules(owner: string, folder: string): void {
  const from = path.join(root, owner, 'node_modules');
  const to = path.join(folder, owner, 'node_modules');
  if (!existsSync(from) || !existsSync(path.join(folder, owner))) return;
  const own = new Set([...globSync('packages/*', { cwd: root }).map((name) => path.basename(name)), '@keelson', '.cache']);
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) if (!own.has(name)) symlinkSync(path.join(from, name), path.join(to, name), 'junction');
}

function checkFiles(folder: string, files: readonly string[]): ProgramResult {
  const texts = files.map((file) => ({ path: file, text: readFileSync(path.join(folder, file), 'utf8') }));
  const problems = texts.filter((file) => !file.text.includes('\0')).flatMap((file) => [...checkText(file), ...checkData(file)]);
  return {
    ok: problems.length === 0,
    output: problems.map((each) => `${each.path}:${each.line} ${each.rule}: ${each.message}`).join('\n'),
  };
}

async function check(folder: string): Promise<boolean> {
  const files = staged('ACMT');
  const code = files.filter((file) => /\.[jt]s$/u.test(file));
  const touchesCode = staged('ACMTD').some((file) => /\.(?:[jt]s|json)$/u.test(file));
  const steps: [string, Promise<ProgramResult> | ProgramResult][] = [['white space and YAML', checkFiles(folder, files)]];
  if (files.length > 0) steps.push(['format', runProgram(folder, 'oxfmt', ['--check', '--no-error-on-unmatched-pattern', ...files])]);
  if (code.length > 0) steps.push(['lint', runProgram(folder, 'oxlint', ['--no-error-on-unmatched-pattern', ...code])]);
  if (touchesCode) steps.push(['types', runProgram(folder, 'tsc', ['-p', '.', '--singleThreaded'])]);
  let good = true;
  for (const [name, running] of steps) {
    const { ok, output } = await running;
    if (!ok) console.error(`✖ ${name}\n${output}\n`);
    good &&= ok;
  }
  return good;
}

const folder = mkdtempSync(path.join(tmpdir(), 'commit-'));
try {
  if (staged('ACMTD').length > 0) {
    layOut(folder);
    process.exitCode = (await check(folder)) ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
