/** The demo, as anybody starts it: tokens through the webhook, a worker killed on the way, nothing lost and nothing done twice. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

// GLK-14
test('the demo kills a worker on the way, and every token is revealed once all the same', { timeout: 120_000 }, async () => {
  const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, 'demo.ts')], { maxBuffer: 10_000_000 });
  const checks = stdout.split('\n').filter((line) => /^[✔✖]/u.test(line));
  assert.ok(checks.length >= 8, stdout);
  assert.deepEqual(
    checks.filter((line) => line.startsWith('✖')),
    [],
  );
  assert.match(stdout, /killed -9 after [\d.]+ s, while it held \d+; they were back after [\d.]+ s/u);
});
