/** `revisions.lock`: that it fits the folder, and what is said of every way in which it does not. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { checkLock, LOCK_FILE, renderLock, writeLock } from './lock-file.ts';
import { parseRevision, type Revision } from './revision.ts';

function revision(directory: string, name: string, up = 'select 1;'): Revision {
  return parseRevision(join(directory, `${name}.sql`), `-- up\n${up}\n-- down\nselect 1;\n`);
}

async function inFolder(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keelson-lock-'));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('the lock has a line for each revision, in order, and fits what it was written from', async () => {
  await inFolder(async (directory) => {
    const revisions = [revision(directory, '20260101T0000_hats'), revision(directory, '20260102T0000_boxes')];
    assert.deepEqual(await checkLock(directory, []), []);
    await writeLock(directory, revisions);
    assert.match(renderLock(revisions), /^20260101T0000_hats\.sql [0-9a-f]{64}\n20260102T0000_boxes\.sql [0-9a-f]{64}\n$/);
    assert.equal(await readFile(join(directory, LOCK_FILE), 'utf8'), renderLock(revisions));
    assert.deepEqual(await checkLock(directory, revisions), []);
    await writeFile(join(directory, LOCK_FILE), renderLock(revisions).replaceAll('\n', '\r\n'));
    assert.deepEqual(await checkLock(directory, revisions), []);
  });
});

test('what does not fit is said with the name of the file and the way out', async () => {
  await inFolder(async (directory) => {
    const hats = revision(directory, '20260101T0000_hats');
    const boxes = revision(directory, '20260102T0000_boxes');
    const edited = revision(directory, '20260101T0000_hats', 'select 2;');
    const both = renderLock([hats, boxes]);
    for (const [text, revisions, expected] of [
      [undefined, [hats], [/revisions\.lock is missing; `keelson migrate repair`/]],
      [both, [hats], [/^20260102T0000_boxes\.sql stands in .*, but its file is gone; restore it/]],
      [renderLock([hats]), [hats, boxes], [/_boxes\.sql is not in .*revisions\.lock; /]],
      [both, [edited, boxes], [/_hats\.sql was changed after it was written into .*; restore it/]],
      [renderLock([boxes, hats]), [hats, boxes], [/is not in order/]],
      [`${both}what is this\n`, [hats, boxes], [/revisions\.lock:3: this is not a name and a checksum/]],
      [`${both}${both}`, [hats, boxes], [/:3: 20260101T0000_hats\.sql stands here a second time/, /:4: /]],
      [renderLock([hats]), [edited, boxes], [/_hats\.sql was changed/, /_boxes\.sql is not in/]],
    ] as const) {
      await rm(join(directory, LOCK_FILE), { force: true });
      if (text !== undefined) await writeFile(join(directory, LOCK_FILE), text);
      const problems = await checkLock(directory, revisions);
      assert.equal(problems.length, expected.length, problems.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
    }
  });
});

test('two branches that both add a revision conflict in git, and the check tells what to do', async () => {
  await inFolder(async (directory) => {
    const run = promisify(execFile);
    const git = (...args: readonly string[]) =>
      run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'core.hooksPath=/dev/null', ...args], { cwd: directory });
    const base = revision(directory, '20260101T0000_hats');
    const mine = revision(directory, '20260103T0000_mine');
    const theirs = revision(directory, '20260102T0000_theirs');
    await git('init', '-q', '-b', 'main');
    await writeLock(directory, [base]);
    await git('add', '.');
    await git('commit', '-qm', 'base');
    await git('checkout', '-qb', 'theirs');
    await writeLock(directory, [base, theirs]);
    await git('commit', '-qam', 'theirs');
    await git('checkout', '-q', 'main');
    await writeLock(directory, [base, mine]);
    await git('commit', '-qam', 'mine');
    await assert.rejects(git('merge', 'theirs'));
    const [problem] = await checkLock(directory, [base, theirs, mine]);
    assert.match(problem ?? '', /conflict of two branches.*git mv/);
    await writeLock(directory, [base, theirs, mine]);
    assert.deepEqual(await checkLock(directory, [base, theirs, mine]), []);
  });
});
