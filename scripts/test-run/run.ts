/** Runs test files, each in a process of its own, and gathers what node says about them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';
import { measured, type Reached, unmeasured } from './coverage.ts';
import type { Outcome } from './judge.ts';

/** How a run goes. */
export interface RunOptions {
  readonly root: string;
  readonly files: readonly string[];
  readonly coverage: boolean;
  /** How long one test may take. */
  readonly testTimeoutMs: number;
  /** How long all of them may take; then they are ended. */
  readonly runTimeoutMs: number;
  readonly output: NodeJS.WritableStream;
}

/** What came out of it. */
export interface RunResult {
  readonly outcome: Outcome;
  /** Node's closing lines. */
  readonly summary: readonly string[];
  readonly reached: readonly Reached[];
}

/** Starts what all tests of a run share; runs without it where the file does not exist. */
const SETUP_FILE = 'scripts/test-setup.ts';

/** Prints each test as it ends, and keeps node's summary and coverage back for the end. */
export async function runTests(options: RunOptions): Promise<RunResult> {
  const counts = { tests: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0 };
  const summary: string[] = [];
  const empty: string[] = [];
  let reached: readonly Reached[] = [];
  const reporter = new spec();
  reporter.pipe(options.output, { end: false });
  for await (const event of startTests(options)) {
    const { type, data } = event;
    if (type === 'test:coverage') reached = data.summary.files;
    else if (type === 'test:summary' && data.file === undefined) Object.assign(counts, data.counts);
    else if (type === 'test:diagnostic' && data.file === undefined) summary.push(`ℹ ${data.message}`);
    else reporter.write(event);
    if (type === 'test:pass' && data.file !== undefined && path.resolve(options.root, data.name) === data.file) empty.push(data.name);
  }
  await new Promise((resolve) => {
    reporter.end(resolve);
  });
  return { outcome: { ...counts, empty }, summary, reached };
}

// Danger: not with --test-force-exit. It ends the processes before their last results have left (node 24 and 26: up to
// four of five tests of a file were lost, failed ones too); leftover.ts sees to files that would not end.
function startTests(options: RunOptions): AsyncIterable<TestEvent> {
  const { root, files } = options;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const setup = path.join(root, SETUP_FILE);
  return run({
    cwd: root,
    // Relative to where node was started: so they are named in what it prints.
    files: files.map((file) => path.relative(process.cwd(), path.resolve(root, file))),
    // One more than the two cores of the machines that this runs on: a test waits for its server much of the time.
    concurrency: 3,
    timeout: options.testTimeoutMs,
    execArgv: ['--import', path.join(import.meta.dirname, 'leftover.ts')],
    signal: AbortSignal.any([interrupted.signal, AbortSignal.timeout(options.runTimeoutMs)]),
    ...(existsSync(setup) ? { globalSetupPath: setup } : {}),
    ...(options.coverage ? { coverage: true, coverageIncludeGlobs: measured, coverageExcludeGlobs: unmeasured } : {}),
  });
}
