/** Runs the programs that the repository installs for itself. */
import { spawn } from 'node:child_process';
import path from 'node:path';

/** How a program ended, and what it said. */
export interface ProgramResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Starts a program of node_modules and waits for its end; what it prints is kept, not shown. */
export function runProgram(
  folder: string,
  program: string,
  args: readonly string[],
  bin = path.join(folder, 'node_modules/.bin'),
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    // Colours would stand between a reader and the text, also where a terminal above asks for them.
    const { FORCE_COLOR: _, ...env } = process.env;
    const child = spawn(program, [...args], {
      cwd: folder,
      env: { ...env, PATH: `${bin}${path.delimiter}${env['PATH'] ?? ''}`, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => parts.push(part));
    child.on('error', (error) => resolve({ ok: false, output: `${program}: ${error.message}` }));
    child.on('close', (code) => resolve({ ok: code === 0, output: Buffer.concat(parts).toString().trim() }));
  });
}
