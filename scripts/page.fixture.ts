/** A page that is followed to the letter: its files and changes are written into a copy, its commands are run there. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { root, untilReady } from './fresh-copy.fixture.ts';

const run = promisify(execFile);

/** A block of a page. */
export interface Block {
  readonly kind: string;
  readonly text: string;
  /** The file that is named above the block. */
  readonly file: string | undefined;
}

/** The blocks of a page; a block without a name of its own goes on with the file of the one before. */
export function readBlocks(page: string): readonly Block[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  let file: string | undefined;
  return [...text.matchAll(/^`([^`]+\.(?:ts|sql))`$|^```(\w+)\n(.*?)^```$/gmsu)].flatMap(([, named, kind = '', content = '']) => {
    if (named !== undefined) {
      file = named;
      return [];
    }
    return [{ kind, text: content, file: kind === 'sh' ? undefined : file }];
  });
}

/** Writes a new file, or makes a change that fits in one place only. */
export function writeBlock(folder: string, { kind, text, file }: Block): void {
  assert.ok(file !== undefined, text);
  const place = path.join(folder, file);
  if (kind !== 'diff') {
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text, { flag: 'wx' });
    return;
  }
  const before = readFileSync(place, 'utf8');
  const [gone, come] = [sideOf(text, '-'), sideOf(text, '+')];
  assert.equal(before.split(gone).length, 2, `${file} has this not once:\n${gone}`);
  writeFileSync(
    place,
    before.replace(gone, () => come),
  );
}

function sideOf(text: string, mark: string): string {
  return text
    .split('\n')
    .filter((line) => line.startsWith(mark))
    .map((line) => `${line.slice(1)}\n`)
    .join('');
}

/** The environment of somebody who has set nothing. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _url, TEST_DATABASE_URL: _test, NODE_TEST_CONTEXT: _context, ...environment } = process.env;
  return environment;
}

/** Runs lines of a shell in a folder, and gives what they print; one that fails fails all. */
export async function shellIn(folder: string, text: string): Promise<string> {
  return (await run('bash', ['-c', `set -euo pipefail\n${text}`], { cwd: folder, env: plainEnvironment() })).stdout;
}

/** Runs a block beside a server, which ends with it. */
export async function beside(
  folder: string,
  { argv, port }: { readonly argv: readonly string[]; readonly port: number },
  block: () => Promise<void>,
): Promise<void> {
  const child = spawn('npm', [...argv], {
    cwd: folder,
    env: { ...plainEnvironment(), PORT: String(port) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await untilReady(child);
    await block();
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    if (child.exitCode === null) await ended;
  }
}
