/** The lock file names every package that a package asks for, of other platforms too: with one missing `npm ci` fails everywhere. */
import type { Problem } from './source.ts';

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, Entry>>;
}

const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|x64|ia32|arm|ppc64|riscv64|s390x)(?:-(gnueabihf|musleabihf|gnu|musl))?/u;

const LIBC: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

function parseLock(text: string): Lock {
  return JSON.parse(text) as Lock;
}

/** Reports what is asked for and not locked. */
export function checkLock(file: string, text: string): Problem[] {
  const { packages } = parseLock(text);
  return Object.entries(packages).flatMap(([place, entry]) => {
    const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
    const missing = names.filter((name) => !placesOf(place, name).some((each) => each in packages));
    if (missing.length === 0) return [];
    return [{ path: file, line: 1, rule: 'lock', message: `${place || 'the root'} asks for what is not locked: ${missing.join(', ')}.` }];
  });
}

/**
 * A lock file with an entry for each optional binary that npm left out because the registry at hand does not have it. On other platforms
 * it is not installed; without the entry nothing is, anywhere.
 */
export function completeLock(text: string): string {
  const lock = parseLock(text);
  const added = Object.entries(lock.packages).flatMap(([place, entry]) =>
    Object.entries(entry.optionalDependencies ?? {}).flatMap(([name, version]): [string, Entry][] => {
      const isKnown = placesOf(place, name).some((each) => each in lock.packages);
      return isKnown || !/^\d/u.test(version) ? [] : [[`node_modules/${name}`, entryOf(name, version, entry.dev === true)]];
    }),
  );
  if (added.length === 0) return text;
  const sorted = Object.entries({ ...lock.packages, ...Object.fromEntries(added) }).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`;
}

function entryOf(name: string, version: string, isDev: boolean): Entry {
  const [, os, cpu, libc] = PLATFORM.exec(name) ?? [];
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(isDev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [LIBC[libc] ?? libc] }),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}

/** Where node would look for a package, from the nearest place up to the root. */
function placesOf(place: string, name: string): string[] {
  const parts = place === '' ? [] : place.split('/');
  const above = Array.from({ length: parts.length + 1 }, (_, index) => parts.slice(0, parts.length - index).join('/'));
  return above.map((folder) => (folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`));
}
