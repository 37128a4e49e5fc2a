/** Where the programs of PostgreSQL lie: in their npm package, or in a copy that the server's account can use. */
import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { canEnter, canRead, isRoot } from './account.ts';
import type { Account } from './account.ts';
import { codeOf, embeddedFailure } from './failure.ts';
import { describeProblem, openOwnFolder } from './own-folder.ts';
import type { ProgramPackage } from './package.ts';

/** The programs, ready to run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The version of the package: `18.4.0-beta.17`. */
  readonly version: string;
  /** The major version of PostgreSQL: `18`. */
  readonly major: string;
}

/**
 * The programs of a package, copied once where the account cannot reach them or where the package's install script, which makes
 * links of some libraries, was not run.
 *
 * @throws EMBEDDED_SERVER_FAILED when they cannot be copied
 */
export async function openBinaries(found: ProgramPackage, account: Account | undefined, roots = cacheRoots()): Promise<Binaries> {
  const linked = found.links.every((link) => existsSync(join(found.native, link.target)));
  const usable = linked && (await isOpen(found.native, account));
  const native = usable ? found.native : await copyToCache(found, account, roots);
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    version: found.version,
    major: found.version.split('.')[0] ?? '',
  };
}

async function isOpen(native: string, account: Account | undefined): Promise<boolean> {
  for (const folder of ['bin', 'lib', join('lib', 'postgresql'), 'share', join('share', 'postgresql')]) {
    if (!(await canEnter(join(native, folder), account))) return false;
  }
  return canRead(join(native, 'bin', 'postgres'), account);
}

/** Copies the programs to the first cache folder that can be used; a copy that is there already is taken. */
async function copyToCache(found: ProgramPackage, account: Account | undefined, roots: readonly string[]): Promise<string> {
  const problems: string[] = [];
  for (const root of roots) {
    try {
      await openOwnFolder(root);
      if (await canEnter(root, account)) return await copyOnce(found, root);
      problems.push(`${root}: closed to user ${account?.uid}`);
    } catch (error) {
      problems.push(describeProblem(root, error));
    }
  }
  throw embeddedFailure('The programs of PostgreSQL could not be copied to where the server can use them.', {
    output: problems.join('\n'),
    hint: `Make room or give rights in one of these folders, open the folders above ${found.native} (chmod o+x), or set DATABASE_URL.`,
  });
}

function cacheRoots(): string[] {
  const own = isRoot() ? '/var/cache/keelson' : join(homedir(), '.cache', 'keelson');
  return [own, join(tmpdir(), `keelson-${process.getuid?.() ?? 0}`)];
}

async function copyOnce(found: ProgramPackage, root: string): Promise<string> {
  const copy = join(root, `postgres-${found.version}-${process.platform}-${process.arch}`);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.new-${randomBytes(4).toString('hex')}`;
  try {
    await copyFolder(found.native, draft);
    for (const link of found.links) {
      const target = join(draft, link.target);
      await rm(target, { force: true });
      await symlink(relative(dirname(link.target), link.source), target);
    }
    await rename(draft, copy);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was quicker.
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  }
  return copy;
}

async function copyFolder(source: string, target: string): Promise<void> {
  await mkdir(target);
  await chmod(target, 0o755);
  for (const item of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, item.name), join(target, item.name)];
    if (item.isDirectory()) await copyFolder(from, to);
    // Static libraries are for compilers, and the links are made anew.
    else if (item.isFile() && !item.name.endsWith('.a')) await copyReadable(from, to);
  }
}

async function copyReadable(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  const { mode } = await stat(source);
  await chmod(target, (mode & 0o100) === 0 ? 0o644 : 0o755);
}
