/** The lock file names every package that a package asks for, of other platforms too: with one missing `npm ci` fails everywhere. */
import type { Problem } from './source.ts';

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function parseLock(text: string): Readonly<Record<string, Entry>> {
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Entry>> };
  return packages;
}

/** Reports what is asked for and not locked. */
export function checkLock(file: string, text: string): Problem[] {
  const packages = parseLock(text);
  return Object.entries(packages).flatMap(([place, entry]) => {
    const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
    const missing = names.filter((name) => !placesOf(place, name).some((each) => each in packages));
    if (missing.length === 0) return [];
    return [{ path: file, line: 1, rule: 'lock', message: `${place || 'the root'} asks for what is not locked: ${missing.join(', ')}.` }];
  });
}

/** Where node would look for a package, from the nearest place up to the root. */
function placesOf(place: string, name: string): string[] {
  const parts = place === '' ? [] : place.split('/');
  const above = Array.from({ length: parts.length + 1 }, (_, index) => parts.slice(0, parts.length - index).join('/'));
  return above.map((folder) => (folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`));
}
