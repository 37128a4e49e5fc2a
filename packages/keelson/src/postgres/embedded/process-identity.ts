/** Whether a process that a file names is still that process: numbers are used again, above all in containers. */
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
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  return readStatus(pid)?.state !== 'Z';
}

/** The folder a process works in, or undefined where the machine does not say. */
export function workingDirectoryOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
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
