/** A built application is one file that starts far away from node_modules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { bundle } from './bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
mkdirSync(path.join(root, '.keelson'), { recursive: true });
const source = mkdtempSync(path.join(root, '.keelson/bundle-'));
const target = mkdtempSync(path.join(tmpdir(), 'bundle-'));
after(() => {
  rmSync(source, { recursive: true });
  rmSync(target, { recursive: true });
});

const app = `
import { hash, verify } from '@node-rs/bcrypt';
import { newId } from 'keelson/id';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Agent } from 'node:https';
import { startedAsMain } from './other.ts';
import required from './required.cjs';
/*! A licence of Jürgen Wärting. */
async function main(): Promise<void> {
  const known = await verify('secret', await hash('secret', { cost: 4 }));
  const revision = readFileSync(path.join(import.meta.dirname, 'migrations/first.sql'), 'utf8');
  console.log(JSON.stringify({ known, id: newId().length, startedAsMain, isSame: required() === Agent, url: import.meta.url, revision }));
}
if (import.meta.main) void main();
`;

test('the file runs alone, the entry is the main module and no other is, native modules and migrations lie beside it', async () => {
  writeFileSync(path.join(source, 'app.ts'), app);
  writeFileSync(path.join(source, 'other.ts'), 'export const startedAsMain = import.meta.main;\n');
  writeFileSync(path.join(source, 'required.cjs'), "const https = require('https');\nmodule.exports = () => https.Agent;\n");
  mkdirSync(path.join(source, 'migrations'));
  writeFileSync(path.join(source, 'migrations/first.sql'), 'select 1');
  const built = await bundle({ entry: path.join(source, 'app.ts'), folder: path.join(target, 'dist') });
  rmSync(path.join(source, 'migrations'), { recursive: true });

  const { stdout, stderr } = spawnSync(process.execPath, [built.file], { cwd: target, encoding: 'utf8' });
  assert.equal(stderr, '');
  const said: unknown = JSON.parse(stdout);
  assert.deepEqual(said, { known: true, id: 36, startedAsMain: false, isSame: true, url: `file://${built.file}`, revision: 'select 1' });
  assert.ok(built.sizeBytes > 0);
  assert.ok(existsSync(`${built.file}.map`));
  assert.ok(!readFileSync(built.file, 'utf8').includes(root), 'no path of the machine that built it is in the file');
  assert.ok(!/[^\t\n -~]/u.test(readFileSync(built.file, 'latin1')), 'the engine keeps text beyond ASCII in two bytes a letter');
  assert.match(readFileSync(`${built.file}.LEGAL.txt`, 'utf8'), /Jürgen Wärting/u);
});
