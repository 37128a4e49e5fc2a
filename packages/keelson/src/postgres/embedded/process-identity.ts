/** Whether a process that a file names is still that process: numbers are used again, above all in containers. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { codeOf } from './failure.ts';

/** A process, by its number and by when it began. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: when it began, in clock ticks since the machine did. Elsewhere a token that only this process knows. */
  readonly began: string;
}

const ownToken = randomUUID();

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, began: beganAt(process.pid) ?? ownToken };
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (!isAlive(identity.pid)) return false;
  const began = beganAt(identity.pid);
  if (began !== undefined) return began === identity.began;
  return identity.pid !== process.pid || identity.began === ownToken;
}

/** Whether a process of that number runs; one that has ended and waits to be reaped (a zombie) does not. */
export function isAlive(pid: number): boolean {
  // Danger: for the system, 0 is this process's whole group and a negative number another group.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  return readStatus(pid)?.state !== 'Z';
}

/** The identity of another process; what is asked about it later is about that one, not about a later one of its number. */
export function identify(pid: number): ProcessIdentity {
  return { pid, began: beganAt(pid) ?? '' };
}

/** Whether a process is a server of this data folder: its working directory, else (macOS) its command line says so. */
export function worksIn(pid: number, folder: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === folder;
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(folder);
  } catch {
    // Gone, or another user's: the server of this folder is this user's, or this is root.
    return false;
  }
}

function beganAt(pid: number): string | undefined {
  return readStatus(pid)?.began;
}

function readStatus(pid: number): { state: string; began: string } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces and brackets itself: what follows its last one is in fixed places.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const began = fields[19];
    return state === undefined || began === undefined ? undefined : { state, began };
  } catch {
    return undefined;
  }
}
