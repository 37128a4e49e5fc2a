/** Under which account the server runs: PostgreSQL refuses to run as root, and nothing here ever makes a user. */
import { readFileSync, statSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, embeddedFailure } from './failure.ts';

/** A user of the machine, by number. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const preferredNames = ['postgres', 'node', 'nobody'];

/** Whether this process is root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account that owns a file or folder; undefined when there is none, or none that this user may see. */
export function ownerOf(path: string): Account | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
  } catch (error) {
    if (codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

/**
 * The account to run the server under: undefined means this process's own; root takes the owner of the data that is there,
 * else postgres, node, nobody, else whoever is first in /etc/passwd.
 */
export function chooseAccount(clusterPath: string, passwdPath = '/etc/passwd'): Account | undefined {
  if (!isRoot()) return undefined;
  const owner = ownerOf(clusterPath);
  if (owner !== undefined && owner.uid > 0) return owner;
  const users = readUsers(passwdPath);
  for (const name of preferredNames) {
    const found = users.find((user) => user.name === name);
    if (found !== undefined) return { uid: found.uid, gid: found.gid };
  }
  const [first] = users;
  if (first !== undefined) return { uid: first.uid, gid: first.gid };
  throw embeddedFailure('PostgreSQL refuses to run as root, and this machine has no other user.', {
    hint: 'Run the application as another user, or set DATABASE_URL to a server that runs elsewhere.',
  });
}

function readUsers(passwdPath: string): { name: string; uid: number; gid: number }[] {
  const users: { name: string; uid: number; gid: number }[] = [];
  for (const line of readFileSync(passwdPath, 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || uid === undefined || gid === undefined) continue;
    if (Number(uid) > 0) users.push({ name, uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/** Root leaves what it writes into another user's folder to that user, who would be locked out of the data otherwise. */
export async function giveToOwner(file: FileHandle, folder: string): Promise<void> {
  const owner = isRoot() ? ownerOf(folder) : undefined;
  if (owner !== undefined && owner.uid > 0) await file.chown(owner.uid, owner.gid);
}

const readBit = 4;
const enterBit = 1;

/** Whether the account may enter a folder and every folder above it. */
export async function canEnter(folder: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true;
  let path = await realpath(folder);
  // bounded by: the depth of the path
  for (;;) {
    if (!(await mayUse(path, account, enterBit))) return false;
    const parent = dirname(path);
    if (parent === path) return true;
    path = parent;
  }
}

/** Whether the account may read a file, the folders above it left aside. */
export async function canRead(path: string, account: Account | undefined): Promise<boolean> {
  return account === undefined || (await mayUse(path, account, readBit));
}

async function mayUse(path: string, account: Account, bit: number): Promise<boolean> {
  const found = await stat(path);
  if (found.uid === account.uid) return (found.mode & (bit << 6)) !== 0;
  if (found.gid === account.gid) return (found.mode & (bit << 3)) !== 0;
  return (found.mode & bit) !== 0;
}
