/** The run of the tests fails when nothing ran, when a file is empty, and when too little was reached. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { findUnloaded, reportCoverage } from './coverage.ts';
import { judge } from './judge.ts';
import { selectTests } from './select.ts';

const found = [
  'apps/accounts/users/routes.test.ts',
  'packages/keelson/src/work/flush.test.ts',
  'packages/keelson/src/work/chaos.slow.test.ts',
];

describe('the choice of test files', () => {
  test('a run without names takes every quick file and no slow one', () => {
    assert.deepEqual(selectTests(found, [], false).files, found.slice(0, 2));
  });

  test('a slow run takes the slow files only', () => {
    assert.deepEqual(selectTests(found, [], true).files, found.slice(2));
  });

  test('a name may be a file, a folder or a part of a path', () => {
    assert.deepEqual(selectTests(found, ['packages/keelson/src/work/chaos.slow.test.ts'], false).files, found.slice(2));
    assert.deepEqual(selectTests(found, ['packages/keelson/src/work/'], false).files, found.slice(1, 2));
    assert.deepEqual(selectTests(found, ['users'], false).files, found.slice(0, 1));
  });

  test('a name that fits nothing is reported, never passed over', () => {
    assert.deepEqual(selectTests(found, ['users', 'nowhere'], false).unknown, ['nowhere']);
  });
});

describe('the verdict on a run', () => {
  const good = { tests: 30, passed: 30, failed: 0, cancelled: 0, skipped: 0, empty: [] };

  test('a run in which enough tests passed is a success', () => {
    assert.deepEqual(judge(good, 20), []);
  });

  test('a failed, a cancelled and a lost test each speak against it', () => {
    assert.deepEqual(judge({ ...good, passed: 29, failed: 1 }, 20), ['1 of 30 tests failed']);
    assert.deepEqual(judge({ ...good, passed: 29, cancelled: 1 }, 20), ['1 of 30 tests failed']);
    assert.deepEqual(judge(good, 31), ['only 30 tests ran, at least 31 must']);
  });

  test('a file without a test, which node counts as passed, speaks against it', () => {
    assert.deepEqual(judge({ ...good, empty: ['a.test.ts'] }, 30), ['a.test.ts holds no test', 'only 29 tests ran, at least 30 must']);
  });

  test('an empty run is no success', () => {
    assert.deepEqual(judge({ tests: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, empty: [] }, 1), [
      'only 0 tests ran, at least 1 must',
    ]);
  });
});

describe('the coverage', () => {
  const whole = { path: 'a.ts', totalLineCount: 100, coveredLineCount: 100, totalBranchCount: 10, coveredBranchCount: 10 };

  test('a run that reached enough has no faults', () => {
    assert.deepEqual(reportCoverage('/', [whole], []).faults, []);
  });

  test('too few lines and too few branches are each a fault', () => {
    assert.deepEqual(reportCoverage('/', [{ ...whole, coveredLineCount: 89 }], []).faults, ['coverage of lines is 89.00 %, below 90 %']);
    assert.deepEqual(reportCoverage('/', [{ ...whole, coveredBranchCount: 8 }], []).faults, [
      'coverage of branches is 80.00 %, below 85 %',
    ]);
  });

  test('a file that no test loaded counts as not reached, a door and a file of types do not', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'coverage-'));
    try {
      mkdirSync(path.join(root, 'packages/one/src'), { recursive: true });
      writeFileSync(path.join(root, 'packages/one/src/index.ts'), "export { run } from './run.ts';\n");
      writeFileSync(path.join(root, 'packages/one/src/types.ts'), 'export interface A {\n  readonly a: string;\n}\n');
      writeFileSync(path.join(root, 'packages/one/src/run.ts'), 'export function run(): number {\n  return 1;\n}\n');
      const unloaded = findUnloaded(root, []);
      assert.deepEqual(
        unloaded.map((file) => file.path),
        ['packages/one/src/run.ts'],
      );
      assert.match(reportCoverage(root, [], unloaded).faults.join(), /coverage of lines is 0\.00 %/u);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
