/** Runs the tests: `npm test`, `npm test -- <file, folder or part of a path>…`, and with `--slow` the slow ones. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';
import { findUnloaded, measured, type Reached, reportCoverage, unmeasured } from './test-run/coverage.ts';
import { judge, type Outcome } from './test-run/judge.ts';
import { findTests, fromRoot, selectTests } from './test-run/select.ts';

/** A whole run with fewer tests than this has lost some on the way; raise it as tests are added. */
const TESTS_MIN = { quick: 20, slow: 1 };

/** How long one test may take. */
const TEST_TIMEOUT_MS = { quick: 60_000, slow: 300_000 };

/** Starts what all tests of a run share; runs without it where the file does not exist. */
const SETUP_FILE = 'scripts/test-setup.ts';

const root = path.resolve(import.meta.dirname, '..');

interface Result {
  readonly outcome: Outcome;
  readonly summary: readonly string[];
  readonly reached: readonly Reached[];
}

/** Runs the files, prints each test as it ends, and keeps node's summary and coverage back for the end. */
async function runTests(files: readonly string[], options: { readonly coverage: boolean; readonly slow: boolean }): Promise<Result> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const stream = run({
    files: [...files],
    cwd: root,
    concurrency: 2,
    timeout: options.slow ? TEST_TIMEOUT_MS.slow : TEST_TIMEOUT_MS.quick,
    // A test that timed out may leave a timer behind: the process of its file ends all the same.
    execArgv: ['--test-force-exit'],
    signal: interrupted.signal,
    ...(existsSync(path.join(root, SETUP_FILE)) ? { globalSetupPath: path.join(root, SETUP_FILE) } : {}),
    ...(options.coverage ? { coverage: true, coverageIncludeGlobs: measured, coverageExcludeGlobs: unmeasured } : {}),
  });
  const counts = { tests: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0 };
  const summary: string[] = [];
  const empty: string[] = [];
  let reached: readonly Reached[] = [];
  const reporter = new spec();
  reporter.pipe(process.stdout, { end: false });
  const events: AsyncIterable<TestEvent> = stream;
  for await (const event of events) {
    const { type, data } = event;
    if (type === 'test:coverage') reached = data.summary.files;
    else if (type === 'test:summary' && data.file === undefined) Object.assign(counts, data.counts);
    else if (type === 'test:diagnostic' && data.file === undefined) summary.push(`ℹ ${data.message}`);
    else reporter.write(event);
    if (type === 'test:pass' && data.file !== undefined && path.resolve(root, data.name) === data.file) empty.push(data.name);
  }
  await new Promise((resolve) => reporter.end(resolve));
  return { outcome: { ...counts, empty }, summary, reached };
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const slow = args.includes('--slow');
  const names = args.filter((arg) => !arg.startsWith('--')).map((name) => fromRoot(root, name));
  const { files, unknown } = selectTests(findTests(root), names, slow);
  if (unknown.length > 0) {
    console.error(`No test file fits ${unknown.join(', ')}.`);
    return 1;
  }
  const whole = names.length === 0;
  const coverage = whole && !slow;
  const { outcome, summary, reached } = await runTests(files, { coverage, slow });
  const leastWhole = slow ? TESTS_MIN.slow : TESTS_MIN.quick;
  const faults = judge(outcome, whole ? leastWhole : 1);
  if (coverage) {
    const report = reportCoverage(root, reached, findUnloaded(root, reached));
    faults.push(...report.faults);
    console.log(`\n${report.lines.join('\n')}`);
  }
  console.log(`\n${summary.join('\n')}`);
  for (const fault of faults) console.log(`✖ ${fault}`);
  console.log(`${outcome.passed} passed, ${outcome.failed + outcome.cancelled} failed`);
  return faults.length === 0 ? 0 : 1;
}

process.exit(await main());
