/** `npm run dev` starts the application anew when its sources change, and not when its own data does. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { after, test } from 'node:test';
import { readSources } from './tidy/source.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'dev-'));
after(() => rmSync(folder, { recursive: true }));

test('a change in a source restarts it once, and Ctrl-C ends everything', async () => {
  for (const file of readSources(root)) cpSync(path.join(root, file.path), path.join(folder, file.path));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  // A group of its own, so that Ctrl-C can be pressed for all of it, as a terminal does.
  const env = { ...process.env, PORT: '0', DATABASE_URL: '', TEST_DATABASE_URL: '' };
  const child = spawn('npm', ['run', 'dev'], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  // Closed, not only ended: the last of the group lets go of the pipes.
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stderr.resume();
  const changes: string[] = [];
  let starts = 0;
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('Change detected')) changes.push(line);
    if (!line.includes('"event":"server.listening"')) continue;
    starts += 1;
    if (starts === 1) appendFileSync(path.join(folder, 'apps/accounts/users/routes.ts'), '// changed\n');
    else break;
  }
  process.kill(-(child.pid ?? 0), 'SIGINT');
  child.stdout.resume();
  await closed;
  assert.deepEqual(changes, [`Change detected in '${path.join(folder, 'apps/accounts/users/routes.ts')}'`]);
  const left = spawnSync('ps', ['-o', 'args=', '-g', String(child.pid)], { encoding: 'utf8' }).stdout;
  assert.equal(left, '');
});
