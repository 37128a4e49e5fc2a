/** Which app the `keelson` command finds in a module. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { loadApp } from './keelson.ts';
import { makeSample } from './sample.fixture.ts';

test('an app is known among what a module exports, under however many names', async () => {
  using sample = makeSample();
  const app = await loadApp(
    writeModule(
      sample.folder,
      `import { sample } from './app.ts';\nexport { sample, sample as same };\nexport const other = { name: 'x' };`,
    ),
  );
  assert.equal(app.name, 'sample');
});

test('a module without an app, with two, or that fails is told for what it is', async () => {
  using sample = makeSample();
  const two = `import { defineApp } from 'keelson/http';\nimport { sample } from './app.ts';\nexport const a = defineApp({ ...sample });\nexport const b = defineApp({ ...sample });`;
  for (const [code, expected] of [
    ['export const nothing = 1;', /exports no app\.$/u],
    [two, /exports 2 apps\.$/u],
    [`throw new TypeError('a fault');`, /could not be loaded\.$/u],
  ] as const) {
    await assert.rejects(loadApp(writeModule(sample.folder, code)), (error) => {
      assert.ok(isKeelsonError(error, 'MISUSE'));
      assert.match(error.message, expected);
      assert.ok(error.message.includes('.ts') && error.hint !== '');
      return true;
    });
  }
});

let modules = 0;

/** Each under a name of its own: a module is loaded once. */
function writeModule(folder: string, code: string): string {
  modules += 1;
  const file = path.join(folder, `module-${modules}.ts`);
  writeFileSync(file, `${code}\n`);
  return file;
}
