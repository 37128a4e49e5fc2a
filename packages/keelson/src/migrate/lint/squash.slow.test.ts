/** Squash of revisions that did more than change the catalog: rows and code are not left out without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useFolder, useShadows } from '../trial.fixture.ts';
import { namespace, refusal } from './squash.fixture.ts';
import { squash } from './squash.ts';

const shadows = await useShadows();

const FILES = {
  '20260101T0000_initial.sql': '-- up\ncreate table app.hats (id integer primary key);\n-- down\ndrop table app.hats;\n',
  '20260102T0000_brim.sql': '-- up\nalter table app.hats add column brim integer;\n-- down\nalter table app.hats drop column brim;\n',
};

test('rows that revisions put in, and revisions in TypeScript, are not left out without a word', async () => {
  const filled = { ...FILES, '20260103T0000_rows.sql': '-- up\ninsert into app.hats (id) values (1);\n-- down\ndelete from app.hats;\n' };
  const directory = await useFolder(filled);
  assert.match(await refusal(shadows, directory), /put rows into app\.hats/);
  const code = 'export async function up(sql) { await sql`select 1`; }\nexport async function down(sql) { await sql`select 1`; }\n';
  const withCode = await useFolder({ ...FILES, '20260103T0000_code.ts': code });
  assert.match(await refusal(shadows, withCode), /20260103T0000_code\.ts is written in TypeScript/);
  const { removed } = await squash({ shadows, directory, namespace, name: 'base', acceptData: true });
  assert.equal(removed.length, 3);
});
