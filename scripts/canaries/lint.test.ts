/** Each rule of the linter reports the fault that was planted for it, and nothing else. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { runProgram } from '../check/program.ts';
import { clean, faults } from './lint-faults.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'lint-'));
after(() => rmSync(folder, { recursive: true }));

for (const name of ['.oxlintrc.json', 'lint', 'tsconfig.json', 'package.json']) {
  cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
}
symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
for (const file of [...faults, ...clean]) {
  mkdirSync(path.dirname(path.join(folder, file.path)), { recursive: true });
  writeFileSync(path.join(folder, file.path), file.text);
}

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

function parseReport(text: string): Report {
  return JSON.parse(text) as Report;
}

// One run over all files: a linter that starts sixty times would take a minute.
const { ok, output } = await runProgram(folder, 'oxlint', ['--format', 'json', 'packages', 'apps']);
const reported = new Map<string, string[]>();
for (const { code, filename } of parseReport(output).diagnostics) {
  const known = reported.get(filename) ?? [];
  reported.set(filename, [...known, code.replace(/^([\w-]+)\((.+)\)$/u, '$1/$2')]);
}

test('a run that finds faults fails', () => {
  assert.equal(ok, false);
});

for (const fault of faults) {
  test(`${fault.rule} reports ${path.basename(fault.path)}, and nothing else does`, () => {
    assert.deepEqual([...new Set(reported.get(fault.path))].toSorted(), [fault.rule, ...(fault.with ?? [])].toSorted());
  });
}

test('what the rules allow is not reported', () => {
  assert.deepEqual(
    clean.map((file) => [file.path, reported.get(file.path)]),
    clean.map((file) => [file.path, undefined]),
  );
});

interface Rules {
  readonly rules: Readonly<Record<string, unknown>>;
}

function parseConfig(text: string): Rules & { readonly overrides: readonly Rules[] } {
  return JSON.parse(text) as Rules & { readonly overrides: readonly Rules[] };
}

test('every rule that the configuration names has a planted fault', () => {
  const config = parseConfig(readFileSync(path.join(root, '.oxlintrc.json'), 'utf8'));
  const named = [config, ...config.overrides].flatMap((part) => Object.entries(part.rules));
  const on = named.filter(([, setting]) => setting !== 'off').map(([rule]) => (rule.includes('/') ? rule : `eslint/${rule}`));
  const planted = new Set(faults.map((fault) => fault.rule));
  assert.deepEqual(
    on.filter((rule) => !planted.has(rule)),
    [],
  );
});
