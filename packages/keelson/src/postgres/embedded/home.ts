/** The folder of an embedded server: the cluster, its password, its log. Found, made, or moved to where the server can reach it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Account } from './account.ts';
import { canEnter, chooseAccount, isRoot, ownerOf } from './account.ts';
import { codeOf, embeddedFailure } from './failure.ts';
import { describeProblem, openOwnFolder } from './own-folder.ts';

/** Where an embedded server lives, and under whom it runs. */
export interface Home {
  readonly path: string;
  /** PostgreSQL's own data folder. */
  readonly cluster: string;
  readonly logPath: string;
  readonly account: Account | undefined;
  /** Whether the account can reach the cluster by its path, or only because its programs are started in it. */
  readonly reachedBy: 'path' | 'working directory';
  /** The folder that was asked for, when it could not be used. */
  readonly movedFrom: string | undefined;
}

// A process may go through this name wherever it works, whoever may enter the folders above.
const ownWorkingDirectory = '/proc/self/cwd';

/** How a program of the server is told where its data lies. */
export function dataArgument(home: Home, folder: string): string {
  return home.reachedBy === 'path' ? folder : ownWorkingDirectory;
}

/**
 * Opens the folder of a server. Root's projects often lie in a folder that no other user may enter, and the server cannot be root.
 * On Linux its programs are then started inside the data folder and never use its path; elsewhere the data lies under /var/lib or
 * the temporary folder instead.
 *
 * @throws EMBEDDED_SERVER_FAILED when no folder can be used
 */
export async function openHome(dataDirectory: string, canWorkInside = existsSync(ownWorkingDirectory)): Promise<Home> {
  const wanted = resolve(dataDirectory);
  refuseForeign(wanted);
  const account = chooseAccount(join(wanted, 'cluster'));
  await makeFolder(wanted);
  if (await openFor(wanted, account)) return describe(wanted, account);
  if (canWorkInside) return { ...describe(wanted, account), reachedBy: 'working directory' };
  if (existsSync(join(wanted, 'cluster'))) {
    throw embeddedFailure(`User ${account?.uid}, who owns the data in ${wanted}, cannot enter that folder any more.`, {
      hint: 'Open the folders above it to that user (chmod o+x), or remove the folder to begin anew.',
    });
  }
  const fallback = await makeFallback(wanted);
  const fallbackAccount = chooseAccount(join(fallback, 'cluster'));
  if (!(await openFor(fallback, fallbackAccount))) {
    throw embeddedFailure(`User ${fallbackAccount?.uid} can enter neither ${wanted} nor ${fallback}.`, {
      hint: 'Open one of them to that user (chmod o+x on the folders above), or set DATABASE_URL.',
    });
  }
  await writeFile(join(wanted, 'MOVED.txt'), `The data of this embedded PostgreSQL lies in ${fallback}:\nthis folder is closed to it.\n`);
  return { ...describe(fallback, fallbackAccount), movedFrom: wanted };
}

function describe(path: string, account: Account | undefined): Home {
  return { path, cluster: join(path, 'cluster'), logPath: join(path, 'server.log'), account, reachedBy: 'path', movedFrom: undefined };
}

function refuseForeign(path: string): void {
  if (!existsSync(join(path, 'PG_VERSION'))) return;
  throw embeddedFailure(`${path} is itself a data folder of PostgreSQL, made by another program.`, {
    hint: 'Name another folder: the embedded server makes its own, in a folder named cluster.',
  });
}

/** Makes a folder for this user alone. Its parents are plain: a mode given to a recursive mkdir would close every new one of them. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw embeddedFailure(`The data folder ${path} cannot be made.`, {
      hint: 'Let this user write there, name another folder, or set DATABASE_URL.',
      cause: error,
    });
  }
}

const ownNames = /^(cluster|state\.json|server\.log|start\.lock|password|MOVED\.txt)/;

/** Whether the account can reach a cluster in this folder; root lets it pass through a folder that holds nothing else. */
async function openFor(path: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) {
    assertOwn(path);
    return true;
  }
  if (!(await canEnter(dirname(path), account))) return false;
  if (await canEnter(path, account)) return true;
  const found = await lstat(path);
  const names = await readdir(path);
  if (found.uid !== 0 || !names.every((name) => ownNames.test(name))) return false;
  await chmod(path, found.mode | 0o011);
  return true;
}

function assertOwn(path: string): void {
  const owner = ownerOf(join(path, 'cluster')) ?? ownerOf(path);
  if (owner === undefined || process.getuid === undefined || owner.uid === process.getuid()) return;
  throw embeddedFailure(`The data in ${path} belongs to user ${owner.uid}; this process runs as user ${process.getuid()}.`, {
    hint: 'Run as that user or as root, name another data folder, or remove this one (as its owner) to begin anew.',
  });
}

async function makeFallback(wanted: string): Promise<string> {
  const hash = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const problems: string[] = [];
  for (const root of fallbackRoots()) {
    try {
      await openOwnFolder(root);
      await makeFolder(join(root, hash));
      return join(root, hash);
    } catch (error) {
      problems.push(describeProblem(root, error));
    }
  }
  throw embeddedFailure(`The server cannot reach ${wanted}, and no folder can be made for it elsewhere.`, {
    output: problems.join('\n'),
    hint: 'Name a data folder that other users may enter, or set DATABASE_URL.',
  });
}

function fallbackRoots(): string[] {
  const temporary = join(tmpdir(), `keelson-${process.getuid?.() ?? 0}`);
  return isRoot() ? ['/var/lib/keelson', temporary] : [temporary];
}
