/** Checks the repository: `npm run check`, `npm run check -- lint types` for some steps only, `npm run fix` to mend what a machine can. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compileExamples } from './check/docs.ts';
import { runProgram } from './check/program.ts';
import { checkContainers } from './containers/containers.ts';
import { completeLock } from './tidy/lock.ts';
import { readSources } from './tidy/source.ts';
import { tidy } from './tidy/tidy.ts';

interface Result {
  readonly ok: boolean;
  readonly output: string;
}

const root = path.resolve(import.meta.dirname, '..');

/** Fewer files than this, and the reading of the repository is broken, not the repository small. */
const FILES_MIN = 60;

const steps: Readonly<Record<string, () => Promise<Result> | Result>> = {
  format: () => runProgram(root, 'oxfmt', ['--check']),
  lint: () => runProgram(root, 'oxlint', []),
  types: () => runProgram(root, 'tsc', ['-p', '.', '--singleThreaded']),
  knip: () => runProgram(root, 'knip', ['--no-progress', '--no-config-hints']),
  docs: () => compileExamples(root),
  containers: () => {
    const faults = checkContainers(root);
    return { ok: faults.length === 0, output: faults.join('\n') };
  },
  tidy: checkTidy,
};

function checkTidy(): Result {
  const { problems, figures, filesRead } = tidy(root);
  const faults = problems.map((problem) => `${problem.path}:${problem.line} ${problem.rule}: ${problem.message}`);
  if (filesRead < FILES_MIN) faults.push(`only ${filesRead} files were read`);
  const missed = figures.filter((figure) => !figure.met);
  const lines = figures.map((figure) => `${figure.met ? ' ' : '✖'} ${figure.value.padStart(6)} (${figure.target})  ${figure.name}`);
  return { ok: faults.length === 0 && missed.length === 0, output: [...lines, ...faults].join('\n') };
}

async function runStep(name: string): Promise<boolean> {
  const startedMs = performance.now();
  const { ok, output } = (await steps[name]?.()) ?? { ok: false, output: `There is no step ${name}: ${Object.keys(steps).join(', ')}.` };
  console.log(`${ok ? '✔' : '✖'} ${name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  if (output !== '' && (!ok || name === 'tidy')) console.log(output);
  return ok;
}

/** Runs the steps two at a time: so many cores are there. */
async function runSteps(names: readonly string[]): Promise<boolean> {
  const waiting = [...names];
  const results: boolean[] = [];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) results.push(await runStep(name));
  };
  await Promise.all([work(), work()]);
  return results.every(Boolean);
}

/** Mends what can be mended without thinking. */
async function fix(): Promise<void> {
  for (const file of readSources(root)) {
    const mended = file.text === '' ? '' : `${file.text.replaceAll(/[ \t\r]+$/gmu, '').trimEnd()}\n`;
    if (mended !== file.text) writeFileSync(path.join(root, file.path), mended);
  }
  const lockFile = path.join(root, 'package-lock.json');
  writeFileSync(lockFile, completeLock(readFileSync(lockFile, 'utf8')));
  await runProgram(root, 'oxlint', ['--fix']);
  await runProgram(root, 'oxfmt', []);
}

const args = process.argv.slice(2);
if (args.includes('--fix')) await fix();
const chosen = args.filter((arg) => !arg.startsWith('--'));
const fixable = args.includes('--fix') ? ['format', 'lint'] : Object.keys(steps);
process.exitCode = (await runSteps(chosen.length > 0 ? chosen : fixable)) ? 0 : 1;
