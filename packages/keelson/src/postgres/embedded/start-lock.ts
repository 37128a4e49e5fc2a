/** One starter at a time on a data folder, across processes: a lock file that names its holder. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { codeOf, embeddedFailure } from './failure.ts';
import { isRunning, ownIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

const waitMaxMs = 120_000;
const pollMs = 10;

/**
 * Takes the lock of a data folder, waiting while a living process holds it, and returns what gives it back.
 *
 * @throws EMBEDDED_SERVER_FAILED when its holder does not finish
 */
export async function takeStartLock(home: string, clock: Clock): Promise<() => Promise<void>> {
  const path = join(home, 'start.lock');
  const own = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const deadlineMs = clock.monotonicMs() + waitMaxMs;
  await writeFile(own, JSON.stringify(ownIdentity()), { mode: 0o644 });
  try {
    while (!(await tryLink(own, path))) {
      const holder = await readHolder(path);
      if (holder === undefined || isRunning(holder)) {
        if (clock.monotonicMs() > deadlineMs) throw stuck(path, holder);
        await clock.sleep(pollMs);
      } else {
        await removeDead(path, clock);
      }
    }
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

/** A link is made whole or not at all: nobody ever reads a lock without its holder in it. */
async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return parseHolder(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): ProcessIdentity {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity>;
    return { pid: value.pid ?? 0, began: value.began ?? '' };
  } catch {
    // Cut short by a crash of the machine: nobody holds it.
    return { pid: 0, began: '' };
  }
}

const removalAgeMaxMs = 10_000;

/**
 * Removes a dead holder's lock. Danger: two that saw the same dead holder must not both do so, or the second removes the lock
 * that the first has just taken; so the removal itself is done under a lock, and looks again.
 */
export async function removeDead(path: string, clock: Clock): Promise<void> {
  const removal = `${path}.removal`;
  try {
    await writeFile(removal, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await dropOldRemoval(removal, clock);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder !== undefined && !isRunning(holder)) await rm(path, { force: true });
  } finally {
    await rm(removal, { force: true });
  }
}

async function dropOldRemoval(removal: string, clock: Clock): Promise<void> {
  await clock.sleep(pollMs);
  const found = await stat(removal).catch(() => undefined);
  if (found === undefined || clock.now().getTime() - found.mtimeMs < removalAgeMaxMs) return;
  const away = `${removal}-${randomBytes(4).toString('hex')}`;
  await rename(removal, away).catch(() => undefined);
  await rm(away, { force: true });
}

function stuck(path: string, holder: ProcessIdentity | undefined): Error {
  return embeddedFailure(`Process ${holder?.pid ?? 'unknown'} has been starting the embedded PostgreSQL for ${waitMaxMs / 1000} s.`, {
    hint: `See what that process does; when it is not starting a server, end it and remove ${path}.`,
  });
}
