/** Installs the libraries that Keelson is measured against, once, into `bench/peers`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const peers = join(import.meta.dirname, 'peers');
const mark = join(peers, 'node_modules', '.keelson-bench');

/** Makes `bench/peers` ready: its packages as its lock file has them, and the NestJS contender compiled. */
export async function installPeers(say: (line: string) => void): Promise<void> {
  const wanted = fingerprint(['package-lock.json', 'http/nest/app.ts', 'http/nest/tsconfig.json']);
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  say('Installing the peers into bench/peers (npm ci with a lock file of its own, about 130 MB, once) …');
  await run('npm', ['ci', '--no-audit', '--no-fund']);
  say('Compiling the NestJS contender, whose decorators do not run as written …');
  rmSync(join(peers, 'dist'), { recursive: true, force: true });
  await run(process.execPath, [compiler(), '-p', 'http/nest']);
  writeFileSync(mark, wanted);
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(peers, file)));
  return hash.digest('hex');
}

function compiler(): string {
  return join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { cwd: peers, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${command} ${args.join(' ')} in bench/peers ended with ${child.exitCode ?? child.signalCode}`);
}
