/** A fresh copy of the repository, for tests that do what a new user does. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The repository. */
export const root = path.resolve(import.meta.dirname, '..');

/** A copy of what git keeps, without data of its own. */
export function copyRepository(): string {
  const copy = mkdtempSync(path.join(tmpdir(), 'keelson-copy-'));
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split(
    '\n',
  );
  for (const file of files) {
    if (file !== '') cpSync(path.join(root, file), path.join(copy, file), { recursive: true });
  }
  linkPackages(copy);
  return copy;
}

/** The packages that are installed here, but for the repository's own: those are the copy's. */
function linkPackages(copy: string): void {
  const modules = path.join(root, 'node_modules');
  mkdirSync(path.join(copy, 'node_modules', '@keelson'), { recursive: true });
  for (const name of readdirSync(modules)) {
    if (name !== 'keelson' && name !== '@keelson' && name !== '.bin')
      symlinkSync(path.join(modules, name), path.join(copy, 'node_modules', name));
  }
  mkdirSync(path.join(copy, 'node_modules', '.bin'));
  for (const name of readdirSync(path.join(modules, '.bin'))) {
    const place = path.join(copy, 'node_modules', '.bin', name);
    symlinkSync(name === 'keelson' ? '../keelson/bin/keelson.js' : path.join(modules, '.bin', name), place);
  }
  symlinkSync('../packages/keelson', path.join(copy, 'node_modules', 'keelson'));
  symlinkSync('../../apps/accounts', path.join(copy, 'node_modules', '@keelson', 'accounts'));
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/** Resolves with what was printed once it says that it is ready; rejects when the process ends before. */
export async function untilReady(child: ChildProcess): Promise<string> {
  let printed = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('Ctrl-C stops it')) resolve(printed);
    });
  }
  child.once('exit', () => reject(new Error(`npm start ended:\n${printed}`)));
  return promise;
}

/** The processes whose working directory or program lies in a folder. */
export function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/u.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}
