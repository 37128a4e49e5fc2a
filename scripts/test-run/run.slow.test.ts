/** A run of the tests loses no result, and ends in spite of files that hang, crash or leave something open. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type RunResult, runTests } from './run.ts';

async function runFiles(files: Readonly<Record<string, string>>): Promise<RunResult & { readonly printed: string }> {
  const root = mkdtempSync(path.join(tmpdir(), 'run-'));
  try {
    for (const [name, code] of Object.entries(files)) writeFileSync(path.join(root, name), `import { test } from 'node:test';\n${code}\n`);
    const output = new PassThrough();
    const printed = text(output);
    // A runner inside a test would take itself for one of its own files.
    delete process.env['NODE_TEST_CONTEXT'];
    const result = await runTests({ root, files: Object.keys(files), coverage: false, testTimeoutMs: 1_000, runTimeoutMs: 60_000, output });
    output.end();
    return { ...result, printed: await printed };
  } finally {
    rmSync(root, { recursive: true });
  }
}

const many = (from: string): string =>
  `for (let n = 0; n < 200; n++) test('${from} ' + n, () => { if (n === 150) throw new Error('failed'); });`;

test('every result of files that run side by side arrives, the failed ones too', async () => {
  const { outcome } = await runFiles({ 'a.test.ts': many('a'), 'b.test.ts': many('b'), 'c.test.ts': many('c') });
  assert.deepEqual(outcome, { ...outcome, tests: 600, passed: 597, failed: 3, cancelled: 0, empty: [] });
});

test('a test that hangs is cancelled, a file that crashes or leaves a timer fails, an empty one is named', async () => {
  const { outcome, printed } = await runFiles({
    'hangs.test.ts': `test('hangs', () => new Promise(() => { setInterval(() => {}, 1000); }));`,
    'crashes.test.ts': `test('crashes', () => { process.exit(3); });`,
    'leaves.test.ts': `test('leaves a timer', () => { setInterval(() => {}, 1000); });`,
    'empty.test.ts': 'void test;',
  });
  assert.equal(outcome.cancelled, 1);
  assert.equal(outcome.failed, 2);
  assert.deepEqual(
    outcome.empty.map((file) => path.basename(file)),
    ['empty.test.ts'],
  );
  assert.match(printed, /this is still open: Timeout/u);
});
