/** What CI asks of the migrations, on real folders and a real PostgreSQL: each fault that can be merged is found, where it stands. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { integer, text } from '../../schema/column.ts';
import { table } from '../../schema/table.ts';
import { renderSchema } from '../../schema/ddl.ts';
import type { AnyTable } from '../../schema/table.ts';
import { readRevisions } from '../folder.ts';
import { writeLock } from '../lock-file.ts';
import { useFolder, useShadows } from '../trial.fixture.ts';
import { check } from './check.ts';
import type { Finding } from './finding.ts';

const shadows = await useShadows();

const hats = table('hats', { id: integer().primaryKey(), name: text() });
const INITIAL = `-- up\n${renderSchema([hats], 'app')
  .up.filter((statement) => !statement.startsWith('create schema'))
  .join('\n')}\n-- down\ndrop table app.hats;\ndrop function if exists app.uuidv7();\n`;

interface Asked {
  readonly files: Readonly<Record<string, string>>;
  readonly tables?: readonly AnyTable[];
  readonly lock?: 'kept' | 'missing';
}

async function ask({ files, tables = [hats], lock = 'kept' }: Asked): Promise<readonly Finding[]> {
  const directory = await useFolder(files);
  if (lock === 'kept') await writeLock(directory, await readRevisions(directory));
  const findings = await check({ shadows, directory, namespace: 'app', tables });
  return findings.map((finding) => ({ ...finding, file: path.basename(finding.file) }));
}

function rulesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ rule, file, line }) => `${rule} ${file}:${line}`);
}

test('nothing is found where files, lock, tables and ways back agree', async () => {
  // INF-10
  const nickname = '-- up\nalter table app.hats add column size integer;\n-- down\nalter table app.hats drop column size;\n';
  const tables = [table('hats', { id: integer().primaryKey(), size: integer().nullable(), name: text() })];
  assert.deepEqual(await ask({ files: { '20260101T0000_initial.sql': INITIAL, '20260102T0000_size.sql': nickname }, tables }), []);
});

test('a file that cannot be read, a lock file that is missing, and a revision that does not run are found', async () => {
  const unreadable = await ask({ files: { '20260101T0000_initial.sql': 'create table hats ();\n' }, lock: 'missing' });
  assert.deepEqual(rulesOf(unreadable), ['files 20260101T0000_initial.sql:1']);
  const missing = await ask({ files: { '20260101T0000_initial.sql': INITIAL }, lock: 'missing' });
  assert.deepEqual(rulesOf(missing), ['lock-file revisions.lock:1']);
  const broken = await ask({
    files: {
      '20260101T0000_initial.sql': INITIAL,
      '20260102T0000_broken.sql': '-- up\nselect 1;\n\nselect nothing;\n-- down\nselect 1;\n',
    },
  });
  assert.deepEqual(rulesOf(broken), ['replay 20260102T0000_broken.sql:4']);
  assert.match(broken[0]?.message ?? '', /^column "nothing" does not exist/);
});

test('tables that the revisions do not make are found, and so is what they make beside them', async () => {
  const tables = [table('hats', { id: integer().primaryKey(), name: text().nullable(), brim: text().nullable() })];
  const findings = await ask({ files: { '20260101T0000_initial.sql': INITIAL }, tables });
  assert.ok(findings.length >= 2, JSON.stringify(findings));
  assert.ok(findings.every(({ rule, severity }) => rule === 'tables' && severity === 'error'));
  assert.ok(
    findings.some(({ message }) => /app\.hats\.brim is missing/.test(message)),
    JSON.stringify(findings),
  );
  const none = await ask({ files: { '20260101T0000_initial.sql': INITIAL }, tables: [] });
  assert.ok(
    none.some(({ message }) => /table app\.hats should not be there/.test(message)),
    JSON.stringify(none),
  );
});

test('a way down that does not restore is found', async () => {
  const wrong =
    '-- up\nalter table app.hats add column size integer, alter column name drop not null;\n-- down\nalter table app.hats drop column size;\n';
  const tables = [table('hats', { id: integer().primaryKey(), name: text().nullable(), size: integer().nullable() })];
  const findings = await ask({ files: { '20260101T0000_initial.sql': INITIAL, '20260102T0000_wrong.sql': wrong }, tables });
  assert.deepEqual(rulesOf(findings), ['reversible 20260102T0000_wrong.sql:1']);
  assert.match(findings[0]?.message ?? '', /app\.hats\.name/);
});

test('an irreversible revision is not asked for its way back', async () => {
  const fixed = '-- irreversible: the names are gone\n-- up\nalter table app.hats alter column name drop not null;\n';
  const tables = [table('hats', { id: integer().primaryKey(), name: text().nullable() })];
  assert.deepEqual(await ask({ files: { '20260101T0000_initial.sql': INITIAL, '20260102T0000_fixed.sql': fixed }, tables }), []);
});

test('what the lints find is found too', async () => {
  const slow = '-- up\nalter table app.hats alter column id type bigint;\n-- down\nalter table app.hats alter column id type integer;\n';
  const findings = await ask({ files: { '20260101T0000_initial.sql': INITIAL, '20260102T0000_slow.sql': slow } });
  assert.ok(rulesOf(findings).includes('table-rewrite 20260102T0000_slow.sql:2'), JSON.stringify(findings));
  assert.ok(rulesOf(findings).includes('tables 20260102T0000_slow.sql:1'), JSON.stringify(findings));
});

test('no revisions at all are a fault where there are tables, and none where there are none', async () => {
  assert.deepEqual([...new Set(rulesOf(await ask({ files: {} })).map((rule) => rule.split(' ')[0]))], ['tables']);
  assert.deepEqual(await ask({ files: {}, tables: [] }), []);
});
