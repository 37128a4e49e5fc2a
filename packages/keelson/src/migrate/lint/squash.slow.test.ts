/** Squash of revisions that did more than change the catalog: rows and code are not left out without a word. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isKeelsonError } from '../../errors.ts';
import { type TestServer, testServer } from '../../testing/server.ts';
import { Shadows } from '../plan/shadow.ts';
import { squash } from './squash.ts';

let server: TestServer;
let shadows: Shadows;
const folders: string[] = [];

before(async () => {
  server = await testServer();
  shadows = await Shadows.open({ url: server.url });
});

after(async () => {
  await shadows[Symbol.asyncDispose]();
  await server.stop();
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'keelson-squash-'));
  folders.push(directory);
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content);
  return directory;
}

const namespace = 'app';
const FILES = {
  '20260101T0000_initial.sql': '-- up\ncreate table app.hats (id integer primary key);\n-- down\ndrop table app.hats;\n',
  '20260102T0000_brim.sql': '-- up\nalter table app.hats add column brim integer;\n-- down\nalter table app.hats drop column brim;\n',
};

async function refusal(directory: string): Promise<string> {
  const files = (await readdir(directory)).sort();
  try {
    await squash({ shadows, directory, namespace, name: 'base' });
  } catch (error) {
    assert.ok(isKeelsonError(error, 'USAGE'), String(error));
    assert.deepEqual((await readdir(directory)).sort(), files, 'nothing was written or removed');
    return error.message;
  }
  return assert.fail('it was squashed');
}

test('rows that revisions put in, and revisions in TypeScript, are not left out without a word', async () => {
  const filled = { ...FILES, '20260103T0000_rows.sql': '-- up\ninsert into app.hats (id) values (1);\n-- down\ndelete from app.hats;\n' };
  const directory = await folderWith(filled);
  assert.match(await refusal(directory), /put rows into app\.hats/);
  const code = 'export async function up(sql) { await sql`select 1`; }\nexport async function down(sql) { await sql`select 1`; }\n';
  const withCode = await folderWith({ ...FILES, '20260103T0000_code.ts': code });
  assert.match(await refusal(withCode), /20260103T0000_code\.ts is written in TypeScript/);
  const { removed } = await squash({ shadows, directory, namespace, name: 'base', acceptData: true });
  assert.equal(removed.length, 3);
});
