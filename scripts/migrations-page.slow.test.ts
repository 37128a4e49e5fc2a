/** The page of migrations to the letter: what it changes is changed in a fresh copy, its commands are run, and what it shows is compared. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Connection } from '../packages/keelson/src/postgres/connection.ts';
import { testServer } from '../packages/keelson/src/testing/server.ts';
import { copyRepository, processesIn, root } from './fresh-copy.fixture.ts';

const run = promisify(execFile);

interface Block {
  readonly kind: string;
  readonly text: string;
  /** The file that is named above the block. */
  readonly file: string | undefined;
}

/** A folder of the app, and what is needed to run commands in it. */
interface Place {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The revisions of the page by their names there. */
  readonly met: Map<string, string>;
}

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** The blocks that a reader follows: all before the reference. */
function readBlocks(): readonly Block[] {
  const page = readFileSync(path.join(root, 'docs/migrations.md'), 'utf8');
  const [, followed = ''] = /\n## In ten minutes\n(.*)\n## Reference\n/su.exec(page) ?? [];
  let file: string | undefined;
  return [...followed.matchAll(/^`([^`\n]+\.(?:ts|sql))`$|^```(\w+)\n(.*?)^```$/gmsu)].flatMap(([, named, kind = '', text = '']) => {
    const mine = file;
    file = named;
    return named === undefined ? [{ kind, text, file: mine }] : [];
  });
}

/** Times and ids differ from day to day. */
function withoutTimes(text: string): string {
  return text.replaceAll(/\d{8}T\d{4}/gu, '<id>').replaceAll(/\b\d+ ms\b/gu, '<time>');
}

/** The file that the page calls so, if there is one: its id is another, but its slug, and it keeps the name that it was met under. */
function findRevision({ folder, met }: Place, named: string): string | undefined {
  const slug = /^migrations\/\d{8}T\d{4}_(.+)$/u.exec(named)?.[1];
  const known = met.get(named);
  if (known !== undefined || slug === undefined) return known;
  const found = readdirSync(path.join(folder, 'migrations')).find((file) => file.slice('00000000T0000_'.length) === slug);
  if (found === undefined || [...met.values()].includes(found)) return undefined;
  met.set(named, found);
  return found;
}

/** A revision that the reader writes: later than all, as its name on the page is. */
function nextRevision({ folder, met }: Place, named: string): string {
  const ids = readdirSync(path.join(folder, 'migrations')).flatMap((file) => /^\d{8}T\d{4}(?=_)/u.exec(file)?.[0] ?? []);
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)$/u.exec(ids.toSorted().at(-1) ?? '') ?? [];
  const next = new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`).getTime() + 60_000;
  const id = new Date(next).toISOString().replaceAll(/[-:]/gu, '').slice(0, 13);
  const name = named.replace(/\d{8}T\d{4}/u, id).replace('migrations/', '');
  met.set(named, name);
  return name;
}

function write(place: Place, { kind, text, file = '' }: Block): void {
  const revision = findRevision(place, file);
  const isNew = file.startsWith('migrations/') && revision === undefined;
  const name = isNew ? nextRevision(place, file) : revision;
  const full = path.join(place.folder, name === undefined ? file : `migrations/${name}`);
  // What was planned is shown; what the command left empty is written by the reader.
  if (isNew || (kind === 'ts' && revision !== undefined)) {
    writeFileSync(full, text);
    return;
  }
  const before = readFileSync(full, 'utf8');
  if (kind !== 'diff') {
    assert.equal(before, text, `${file} as the page shows it`);
    return;
  }
  const side = (mark: string): string =>
    text
      .trimEnd()
      .split('\n')
      .filter((line) => line === '' || line.startsWith(mark) || line.startsWith(' '))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  assert.equal(before.split(side('-')).length, 2, `${file} has this not once:\n${side('-')}\n${before}`);
  writeFileSync(
    full,
    before.replace(side('-'), () => side('+')),
  );
}

async function shell(place: Place, line: string): Promise<Ended> {
  const command = line.replaceAll(
    /migrations\/\d{8}T\d{4}_\w+\.\w+/gu,
    (named) => `migrations/${findRevision(place, named) ?? nextRevision(place, named)}`,
  );
  const options = { cwd: place.folder, env: place.environment };
  try {
    const { stdout, stderr } = await run('bash', ['-c', command], options);
    return { code: 0, said: `${stdout}${stderr}` };
  } catch (error) {
    const { code, stdout, stderr } = parseEnded(error);
    return { code, said: `${stdout}${stderr}` };
  }
}

function parseEnded(error: unknown): { readonly code: number; readonly stdout: string; readonly stderr: string } {
  return error as { readonly code: number; readonly stdout: string; readonly stderr: string };
}

/** Runs a block line by line; gives what all of them said. */
async function runLines(place: Place, text: string): Promise<string> {
  let said = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, command = '', code = '0'] = /^(.*?)(?:\s+# exit code (\d+))?$/u.exec(line) ?? [];
    const ended = await shell(place, command);
    assert.equal(ended.code, Number(code), `${command}\n${ended.said}`);
    said += ended.said;
  }
  return said;
}

async function follow(place: Place, blocks: readonly Block[]): Promise<void> {
  let said = '';
  for (const block of blocks) {
    if (block.kind === 'sh') said = await runLines(place, block.text);
    else if (block.kind === 'text') {
      const lines = withoutTimes(said).split('\n');
      for (const line of withoutTimes(block.text).trimEnd().split('\n'))
        assert.ok(
          lines.some((each) => each.trimEnd() === line),
          `the page shows\n${line}\nbut this was said:\n${said}`,
        );
    } else write(place, block);
  }
}

// INF-4 INF-10 LRP-6 GLK-11
test('who follows the page of migrations sees what it shows, from the first column to the squash', async (t) => {
  const copy = copyRepository();
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const server = await testServer();
  t.after(() => server.stop());
  const database = `keelson_test_${process.pid}_page`;
  const admin = await Connection.open({ connectionString: server.url });
  t.after(async () => {
    await admin.command(`drop database if exists ${database} with (force)`);
    await admin.close();
  });
  await admin.command(`create database ${database}`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const { TEST_DATABASE_URL: _test, NODE_TEST_CONTEXT: _context, ...environment } = process.env;
  const place: Place = {
    folder: path.join(copy, 'apps/accounts'),
    environment: { ...environment, ...gitIdentity, DATABASE_URL: url.href },
    met: new Map(),
  };
  await shell(place, 'cd ../.. && git init --quiet --initial-branch main && git add . && git commit --quiet --message Begin');

  const blocks = readBlocks();
  assert.ok(blocks.filter(({ kind }) => kind === 'sh').length >= 15, 'the page has lost its commands');
  await follow(place, blocks);
  assert.deepEqual(processesIn(copy), []);
});

const gitIdentity = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
} as const;
