/** Makes PostgreSQL's data folder, whole or not at all. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chown, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { embeddedFailure } from './failure.ts';
import { dataArgument } from './home.ts';
import type { Home } from './home.ts';
import { runProgram, thirdFile } from './program.ts';

/** The superuser of every embedded server. */
export const superuser = 'app';

const initdbMaxMs = 120_000;

/**
 * Makes the cluster. It is made under another name and renamed when done: an interrupted one is never taken for
 * a good one.
 *
 * @throws EMBEDDED_SERVER_FAILED with what initdb printed
 */
export async function makeCluster(home: Home, binaries: Binaries, password: string): Promise<void> {
  const suffix = randomBytes(4).toString('hex');
  const draft = join(home.path, `cluster.new-${suffix}`);
  const passwordFile = join(home.path, `password.new-${suffix}`);
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, password, { mode: 0o600 });
    await give(draft, home.account);
    // Given open, and to its owner: where it lies may be closed to the account.
    await give(passwordFile, home.account);
    const file = await open(passwordFile);
    try {
      await initialise({ home, binaries, draft, file: file.fd });
    } finally {
      await file.close();
    }
    await rename(draft, home.cluster);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

async function give(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Removes what interrupted makings left. Only the holder of the start lock makes clusters: none of these is in use. */
export async function removeDrafts(home: Home): Promise<void> {
  for (const name of await readdir(home.path)) {
    if (!/^(cluster|password|state\.json)\.new-/.test(name)) continue;
    // A back end of a killed initdb may write there for a moment longer; what is left then, the next start removes.
    await rm(join(home.path, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/**
 * Makes sure that the cluster is one of this version.
 *
 * @throws EMBEDDED_SERVER_FAILED when another major version made it
 */
export function assertVersion(home: Home, binaries: Binaries): void {
  const path = join(home.cluster, 'PG_VERSION');
  const made = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  if (made === binaries.major) return;
  const what = made === undefined ? 'is not a data folder of PostgreSQL' : `was made by PostgreSQL ${made}`;
  throw embeddedFailure(`${home.cluster} ${what}; the embedded server is PostgreSQL ${binaries.version}.`, {
    hint:
      `To begin anew, remove ${home.path}. To keep the data, install the release of the embedded server that made it, ` +
      `copy the data out, and in again under this one.`,
  });
}

interface Draft {
  readonly home: Home;
  readonly binaries: Binaries;
  readonly draft: string;
  readonly file: number;
}

async function initialise({ home, binaries, draft, file }: Draft): Promise<void> {
  assertNamed(home.account);
  const choices = [
    ['--pgdata', dataArgument(home, draft)],
    ['--username', superuser],
    ['--auth', 'scram-sha-256'],
    ['--pwfile', thirdFile],
    // The same order of texts on every machine: the ICU that comes along is 60 on Linux and 77 on macOS.
    ['--locale-provider', 'builtin'],
    ['--builtin-locale', 'C.UTF-8'],
    ['--locale', 'C'],
    ['--encoding', 'UTF8'],
  ].flat();
  const ended = await runProgram({
    command: binaries.initdb,
    arguments: [...choices, '--no-sync', '--no-instructions'],
    account: home.account,
    workingDirectory: draft,
    file,
    timeoutMs: initdbMaxMs,
  });
  if (ended.exitCode === 0) return;
  throw embeddedFailure(`initdb could not make a data folder in ${home.path} (exit code ${ended.exitCode ?? 'none'}).`, {
    output: ended.output,
    hint: 'See what it printed; make room or give rights where it asks for them, or set DATABASE_URL.',
  });
}

/** The programs ask the system for the user's name; a container that runs under a bare number has none. */
function assertNamed(account: Account | undefined): void {
  if (account !== undefined || process.getuid === undefined) return;
  try {
    userInfo();
  } catch (error) {
    throw embeddedFailure(`This process runs as user ${process.getuid()}, who has no name on this machine: initdb refuses that.`, {
      hint: 'Add the user to /etc/passwd, run as one that is there (or as root), or set DATABASE_URL.',
      cause: error,
    });
  }
}
