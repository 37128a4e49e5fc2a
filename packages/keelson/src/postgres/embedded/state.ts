/** What is kept beside the data: the password, and which process started the server that runs. */
import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { giveToOwner } from './account.ts';
import { codeOf } from './failure.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** The content of `state.json`. */
export interface EmbeddedState {
  readonly password: string;
  /** The process that started the server, while it runs. */
  readonly owner: ProcessIdentity | undefined;
  /** Whether the server that runs was started to survive a crash. */
  readonly durable: boolean;
}

/** A password that nobody chose: 192 bits. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** Reads the state of a data folder; undefined when there is none, or none that can be understood. */
export async function readState(home: string): Promise<EmbeddedState | undefined> {
  try {
    return parseState(await readFile(join(home, 'state.json'), 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseState(text: string): EmbeddedState | undefined {
  const value = JSON.parse(text) as Partial<EmbeddedState> | null;
  if (typeof value?.password !== 'string') return undefined;
  return { password: value.password, owner: value.owner, durable: value.durable ?? true };
}

/** Writes the state whole or not at all, readable by this user alone. */
export async function writeState(home: string, state: EmbeddedState): Promise<void> {
  const path = join(home, 'state.json');
  const draft = `${path}.new-${randomBytes(4).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(state, undefined, 2)}\n`);
    await file.sync();
    await giveToOwner(file, home);
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
