/** What a revision's file may say, and how precisely everything else is refused. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { parseName, slugOf, suggestName } from './file-name.ts';
import { readRevisions } from './folder.ts';
import { parseRevision } from './revision.ts';

const FILE = 'migrations/20261120T1030_add_hats.sql';

function refusal(text: string, file = FILE): { message: string; hint: string } {
  try {
    parseRevision(file, text);
  } catch (error) {
    assert.ok(isKeelsonError(error, 'MIGRATION_INVALID'), String(error));
    return { message: error.message, hint: error.hint };
  }
  return assert.fail(`was not refused: ${text}`);
}

async function withFolder(files: Readonly<Record<string, string | Buffer>>, use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-revisions-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('a revision has its id, slug, parts with their lines, and plain settings', () => {
  // INF-4
  const revision = parseRevision(
    FILE,
    '-- Hats for everybody.\n-- up\ncreate table hats (size int);\n\n-- commit\n\n  select 1;\n-- down\ndrop table hats;\n',
  );
  assert.equal(revision.id, '20261120T1030');
  assert.equal(revision.slug, 'add_hats');
  assert.deepEqual(revision.up, ['create table hats (size int);', 'select 1;']);
  assert.deepEqual(revision.down, ['drop table hats;']);
  assert.deepEqual(revision.lines, { up: [3, 7], down: [9] });
  assert.equal(revision.transaction, true);
  assert.equal(revision.irreversible, false);
  assert.equal(revision.phase, 'expand');
});

test('the header says how a revision is run', () => {
  const revision = parseRevision(
    FILE,
    '-- transaction: off\n-- Phase: contract\n-- irreversible: the old rows are gone\n\n-- up\nselect 1;\n',
  );
  assert.equal(revision.transaction, false);
  assert.equal(revision.phase, 'contract');
  assert.equal(revision.irreversible, true);
  assert.equal(revision.irreversibleReason, 'the old rows are gone');
  assert.deepEqual(revision.down, []);
});

test('the header of a squashed revision names those that it replaces', () => {
  const header = '-- replaces: 20261101T1030 20261102T1030_colour, 20261103T1030\n';
  const revision = parseRevision(FILE, `${header}-- up\nselect 1;\n-- down\nselect 1;\n`);
  assert.deepEqual(revision.replaces, ['20261101T1030', '20261102T1030', '20261103T1030']);
});

test('line ends, a byte order mark and empty lines at the end do not change what a revision is', () => {
  const unix = "-- up\ncreate function f() returns text language sql as $$\n  select 'a'\n$$;\n-- down\ndrop function f;\n";
  const windows = `\uFEFF${unix.replaceAll('\n', '\r\n')}\r\n\r\n`;
  const plain = parseRevision(FILE, unix);
  assert.deepEqual(parseRevision(FILE, windows), plain);
  assert.deepEqual(parseRevision(FILE, unix.trimEnd()), plain);
  assert.match(plain.checksum, /^[0-9a-f]{64}$/);
  assert.notEqual(parseRevision(FILE, unix.replace("'a'", "'b'")).checksum, plain.checksum);
});

test('markers inside quotes, functions and comments are no markers', () => {
  const body = 'create function f() returns void language plpgsql as $$\nbegin\n-- commit\n-- down\nend $$;';
  const revision = parseRevision(FILE, `/*\n-- up\n*/\n-- up\n${body}\n-- down\ndrop function f;`);
  assert.deepEqual(revision.up, [body]);
});

test('a header is refused for unknown keys, unknown values, twice the same, and settings in the wrong place', () => {
  const sections = '-- up\nselect 1;\n-- down\nselect 1;\n';
  for (const [text, message] of [
    [`-- transactoin: off\n${sections}`, /_hats\.sql:1: `transactoin` is not a setting/],
    [`-- keelson: transaction off\n${sections}`, /:1: `keelson` is not a setting/],
    [`\n-- Note: mind the gap\n${sections}`, /:2: `Note` is not a setting/],
    [`-- transaction: no\n${sections}`, /:1: `transaction` is on or off, not "no"/],
    [`-- transaction:\n${sections}`, /:1: `transaction` is on or off, not ""/],
    [`-- phase: shrink\n${sections}`, /:1: `phase` is expand or contract/],
    [`-- replaces: base\n${sections}`, /:1: `replaces` lists the ids of revisions; "base" is none/],
    [`-- replaces:\n${sections}`, /:1: `replaces` lists the ids of revisions; "" is none/],
    [`-- irreversible:\n-- up\nselect 1;`, /:1: `irreversible` needs a reason/],
    [`-- phase: expand\n-- phase: expand\n${sections}`, /:2: the setting `phase` is given twice/],
    [`-- up\n-- transaction: off\nselect 1;\n-- down\nselect 1;`, /:2: the setting `transaction` stands below/],
  ] as const) {
    const refused = refusal(text);
    assert.match(refused.message, message);
    assert.match(refused.hint, /`-- transaction: off`, `-- irreversible: why`, `-- phase: contract`/);
  }
});

test('prose in a header is free, addresses with a colon too', () => {
  const revision = parseRevision(FILE, '-- See https://example.org/a: it says why: so.\n--https://x\n-- up\nselect 1;\n-- down\nselect 1;');
  assert.equal(revision.transaction, true);
});

test('sections that are missing, doubled, empty or in the wrong order are refused with their line', () => {
  for (const [text, message] of [
    ['', /:1: there is no line `-- up`/],
    ['create table hats (size int);', /:1: there is no line `-- up`/],
    ['-- down\nselect 1;\n-- up\nselect 1;', /:1: `-- down` stands above `-- up`/],
    ['-- commit\n-- up\nselect 1;', /:1: `-- commit` stands above `-- up`/],
    ['select 1;\n-- up\nselect 1;\n-- down\nselect 1;', /:1: SQL stands above the line `-- up`/],
    ['-- up\nselect 1;\n-- up\nselect 2;\n-- down\nselect 1;', /:3: there is a second line `-- up`/],
    ['-- up\nselect 1;\n-- down\nselect 1;\n-- down\n', /:5: there is a second line `-- down`/],
    ['-- up\n-- nothing\n-- down\nselect 1;', /:1: there is no statement below `-- up`/],
    ['-- up\nselect 1;\n-- commit\n;\n-- down\nselect 1;', /:3: there is no statement below `-- commit`/],
    ['-- up\nselect 1;\n-- down\n', /:3: there is no statement below `-- down`/],
    ['-- up\nselect 1;\n', /:1: there is no line `-- down`/],
    ['-- irreversible: gone\n-- up\nselect 1;\n-- down\nselect 1;', /:4: it is marked irreversible and has a `-- down`/],
    ['-- transaction: off\n-- up\nselect 1;\n-- commit\nselect 1;\n-- down\nselect 1;', /:4: with `transaction: off` every statement/],
    ["-- up\nselect 1;\nselect 'abc;\n-- down\nselect 1;", /:3: a text begins here and is never closed/],
    ['-- up\nselect 1;\n-- down\nselect \0;', /:4: there is a NUL character/],
  ] as const) {
    assert.match(refusal(text).message, message, text);
  }
  assert.match(refusal('-- up\nselect 1;\n-- down\n').hint, /`select 1;`.*`-- irreversible: why`/);
  assert.match(refusal('-- up\nselect 1;\n').hint, /`-- down`.*`-- irreversible: why`/);
});

test('a revision may not begin or end the transaction, nor talk to psql', () => {
  for (const statement of [
    'begin;',
    'COMMIT;',
    'start transaction;',
    'end;',
    'rollback;',
    'abort;',
    'savepoint a;',
    'release a;',
    "prepare transaction 'x';",
  ]) {
    const refused = refusal(`-- up\nselect 1;\n${statement}\n-- down\nselect 1;`);
    assert.match(refused.message, /:3: `\w+`: the transaction belongs to the runner/);
    assert.match(refused.hint, /`-- commit`/);
  }
  assert.match(refusal('-- up\n\\connect other\n-- down\nselect 1;').message, /:2: .*psql/);
});

test('a name that does not keep the rule is refused, wherever it comes from', () => {
  for (const name of [
    'add_hats.sql',
    '20261120_add.sql',
    '20261320T1030_x.sql',
    '20260230T1030_x.sql',
    '20261120T2430_x.sql',
    '20261120T1030_Add.sql',
    '20261120T1030_a__b.sql',
    '20261120T1030_.sql',
    `20261120T1030_${'x'.repeat(101)}.sql`,
  ]) {
    assert.equal(parseName(name), null, name);
    assert.match(refusal('-- up\nselect 1;', name).message, /YYYYMMDDTHHMM_slug\.sql/);
  }
  assert.deepEqual(parseName('20240229T2359_a1_b.sql'), { id: '20240229T2359', slug: 'a1_b' });
});

test('the right name is suggested for a wrong one', () => {
  const time = new Date('2026-11-20T10:30:59Z');
  for (const [wrong, right] of [
    ['add hats.sql', '20261120T1030_add_hats.sql'],
    ['2025-01-31_Add-Hats.sql', '20250131T0000_add_hats.sql'],
    ['20250131T0915-addHats.SQL', '20250131T0915_add_hats.sql'],
    ['20250131091530_hats.sql', '20250131T0915_hats.sql'],
    ['20259931T0915_hats.sql', '20261120T1030_hats.sql'],
    ['0001_initial.sql', '20261120T1030_initial.sql'],
    ['Größe & Co.sql', '20261120T1030_gro_e_co.sql'],
    ['日本.sql', '20261120T1030_revision.sql'],
  ] as const) {
    assert.equal(suggestName(wrong, time), right);
    assert.notEqual(parseName(right), null);
  }
  assert.equal(slugOf('  '), null);
});

test('a folder is read in the order of the ids; what is no revision is left alone', async () => {
  // LRP-6
  const text = '-- up\nselect 1;\n-- down\nselect 1;\n';
  const files = {
    '20261120T1030_b.sql': text,
    '20261120T1029_c.sql': text,
    '20251120T1031_a.sql': text,
    'template.sql': '{{up}}',
    'README.md': '#',
    'revisions.lock': '',
    '.20261120T1031_d.sql.tmp': 'half',
    'seed.ts': '',
    '20261120T1029_c.test.ts': '',
  };
  await withFolder(files, async (directory) => {
    const revisions = await readRevisions(directory);
    assert.deepEqual(
      revisions.map((revision) => revision.slug),
      ['a', 'c', 'b'],
    );
    assert.equal(revisions[0]?.file, join(directory, '20251120T1031_a.sql'));
  });
});

test('a folder with a file that cannot be a revision is refused, with what to do', async () => {
  const text = '-- up\nselect 1;\n-- down\nselect 1;\n';
  const cases: readonly (readonly [Record<string, string | Buffer>, RegExp])[] = [
    [
      { '20261120T1030_a.sql': text, '20261120T1030_b.sql': text },
      /20261120T1030_b\.sql: its id 20261120T1030 is also that of .*20261120T1030_a\.sql/,
    ],
    [{ '20261120T1030_a.js': '' }, /20261120T1030_a\.js: a revision in code is a file that ends in \.ts/],
    [{ '20261120T1030_A.ts': '' }, /YYYYMMDDTHHMM_slug\.sql or \.ts/],
    [
      { '20261120T1030_a.sql': text, '20261121T1030_b.sql': `-- replaces: 20261119T1030 20261120T1030_a\n${text}` },
      /_b\.sql: it replaces .*_a\.sql, which is still there/,
    ],
    [{ '20261120T1030_a.sql': Buffer.from([0x2d, 0x2d, 0xff, 0xfe]) }, /not UTF-8/],
    [{ '20261120T1030_a.sql': `-- up\nselect '${'x'.repeat(8 * 1024 * 1024)}';` }, /more than 8388608/],
  ];
  for (const [files, message] of cases) {
    await withFolder(files, async (directory) => {
      await assert.rejects(readRevisions(directory), (error) => isKeelsonError(error, 'MIGRATION_INVALID') && message.test(error.message));
    });
  }
});

test('a wrongly named file is refused with the name it should have', async () => {
  await withFolder({ 'Add Hats.sql': '' }, async (directory) => {
    const made = new Date('2026-11-20T10:30:00Z');
    await utimes(join(directory, 'Add Hats.sql'), made, made);
    await assert.rejects(
      readRevisions(directory),
      (error) => isKeelsonError(error, 'MIGRATION_INVALID') && error.hint === 'Rename it to 20261120T1030_add_hats.sql.',
    );
  });
});

test('a folder that is missing, and a folder in place of a file, are refused', async () => {
  await withFolder({}, async (directory) => {
    await assert.rejects(
      readRevisions(join(directory, 'gone')),
      (error) => isKeelsonError(error, 'MIGRATION_INVALID') && /cannot be read/.test(error.message),
    );
    assert.deepEqual(await readRevisions(directory), []);
    await mkdir(join(directory, '20261120T1030_a.sql'));
    await assert.rejects(
      readRevisions(directory),
      (error) => isKeelsonError(error, 'MIGRATION_INVALID') && /this is a folder/.test(error.message),
    );
  });
});
