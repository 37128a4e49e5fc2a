/** A project of npm: its package files, those of its workspaces, its lock, and which packages they pin. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { KeelsonError } from '../errors.ts';
import { compareVersions, versionOf } from './deps-version.ts';

/** Where a package file names what it needs. */
export const sections = ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies'] as const;

/** One of them. */
export type Section = (typeof sections)[number];

/** A package file. */
export interface Manifest {
  /** From the root, with slashes. */
  readonly file: string;
  readonly text: string;
  /** Whether it is the root's or a workspace's; the others are only read, as npm reads them. */
  readonly isMember: boolean;
  readonly name: string | undefined;
  readonly needs: Readonly<Record<Section, Readonly<Record<string, string>>>>;
  readonly workspaces: readonly string[];
}

/** A project. */
export interface Project {
  /** The folder that the lock lies in. */
  readonly root: string;
  readonly manifests: readonly Manifest[];
  readonly lock: { readonly file: string; readonly text: string };
}

/** A package that the project pins, wherever it does. */
export interface Pin {
  readonly name: string;
  /** The oldest version that is pinned. */
  readonly from: string;
  readonly files: readonly string[];
  /** Whether a program needs it that runs, and not only who develops. */
  readonly isProduction: boolean;
  /** Those of one family move together: the builds of one thing for several platforms. */
  readonly family: string | undefined;
}

/** What is not moved, and why. */
export interface Left {
  readonly name: string;
  readonly spec: string;
  readonly why: string;
}

const MANIFESTS_MAX = 1_000;

/**
 * The project that a folder belongs to.
 *
 * @throws USAGE when there is none, or its package files cannot be read
 */
export function readProject(folder: string): Project {
  const own = upwards(folder, (at) => existsSync(path.join(at, 'package.json')));
  const root = own && upwards(own, (at) => locks.some((name) => existsSync(path.join(at, name))));
  if (own === undefined || root === undefined) {
    throw new KeelsonError('USAGE', {
      message: `${folder} belongs to no project of npm: there is no ${own === undefined ? 'package.json' : 'package-lock.json'} in it or above it.`,
      hint: own === undefined ? 'Go into the folder of a project.' : 'Make the lock first: npm install --package-lock-only',
    });
  }
  const file = locks.find((name) => existsSync(path.join(root, name))) ?? 'package-lock.json';
  const manifests = readManifests(root);
  const place = `${path.relative(root, own)}/package.json`.replaceAll(path.sep, '/').replace(/^\//u, '');
  if (!manifests.some((manifest) => manifest.file === place)) {
    throw new KeelsonError('USAGE', {
      message: `${own} has no lock, and is no workspace of ${root}, which has one.`,
      hint: 'Make a lock for it (npm install --package-lock-only), or name it among the workspaces.',
    });
  }
  return { root, manifests, lock: { file, text: readFileSync(path.join(root, file), 'utf8') } };
}

/** npm prefers the first where both are there. */
const locks = ['npm-shrinkwrap.json', 'package-lock.json'];

function upwards(folder: string, isIt: (folder: string) => boolean): string | undefined {
  let at = path.resolve(folder);
  while (!isIt(at)) {
    const above = path.dirname(at);
    if (above === at) return undefined;
    at = above;
  }
  return at;
}

function readManifests(root: string): readonly Manifest[] {
  const first = readManifest(root, 'package.json');
  const files = new Set<string>();
  for (const pattern of first.workspaces) {
    const isTakenAway = pattern.startsWith('!');
    const glob = `${pattern
      .replace(/^!/u, '')
      .replace(/^\.?\//u, '')
      .replace(/\/$/u, '')}/package.json`;
    const found = globSync(glob, { cwd: root, exclude: (name) => name === 'node_modules' });
    for (const file of found.map((each) => each.replaceAll(path.sep, '/')))
      if (isTakenAway) files.delete(file);
      else files.add(file);
  }
  if (files.size > MANIFESTS_MAX) throw new KeelsonError('USAGE', { message: `${root} has more than ${MANIFESTS_MAX} workspaces.` });
  const members = [first, ...[...files].toSorted().map((file) => readManifest(root, file))];
  const beside = new Set(
    members
      .flatMap((member) => localPlaces(root, member))
      .flatMap((place) => (isFolder(path.join(root, place)) ? [`${place}/package.json`] : [])),
  );
  return [...members, ...[...beside].filter((file) => !files.has(file)).map((file) => readManifest(root, file, false))];
}

const isFolder = (place: string): boolean => statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** What a package file names by its place (`file:…`), from the root; npm reads that too. */
export function localPlaces(root: string, { file, needs }: Manifest): readonly string[] {
  return sections.flatMap((section) =>
    Object.values(needs[section]).flatMap((spec) => {
      const said = /^file:(.+)$/u.exec(spec)?.[1];
      if (said === undefined) return [];
      const place = path.relative(root, path.resolve(root, path.dirname(file), said)).replaceAll(path.sep, '/');
      if (place.startsWith('..') || path.isAbsolute(place)) {
        throw new KeelsonError('USAGE', {
          message: `${file} needs ${spec}, which lies outside of the project: what goes with it cannot be tried out.`,
          hint: 'Publish that package, move it into the project, or update by hand.',
        });
      }
      return [place];
    }),
  );
}

function readManifest(root: string, file: string, isMember = true): Manifest {
  try {
    const text = readFileSync(path.join(root, file), 'utf8');
    return { file, text, isMember, ...parseManifest(text) };
  } catch (cause) {
    if (cause instanceof KeelsonError) throw cause;
    throw new KeelsonError('USAGE', { message: `${path.join(root, file)} cannot be read.`, hint: 'Correct what the cause says.', cause });
  }
}

function parseManifest(text: string): Omit<Manifest, 'file' | 'text' | 'isMember'> {
  const content: unknown = JSON.parse(text);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new KeelsonError('USAGE', { message: 'A package file is an object.' });
  const said = content as Readonly<Record<string, unknown>>;
  const named = said['workspaces'];
  const workspaces = Array.isArray(named) ? named : (named as { readonly packages?: unknown } | undefined)?.packages;
  const textsOf = (value: unknown): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(Object(value) as Readonly<Record<string, unknown>>).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  return {
    name: typeof said['name'] === 'string' ? said['name'] : undefined,
    workspaces: Array.isArray(workspaces) ? workspaces.filter((each): each is string => typeof each === 'string') : [],
    needs: {
      dependencies: textsOf(said['dependencies']),
      optionalDependencies: textsOf(said['optionalDependencies']),
      devDependencies: textsOf(said['devDependencies']),
      peerDependencies: textsOf(said['peerDependencies']),
    },
  };
}

/** The version that a spec pins, which is moved; a peer is moved only where it is pinned exactly: a range is a promise to others. */
export function pinnedVersion(section: Section, spec: string): string | undefined {
  const [, mark = '', version = ''] = /^\s*([~^=]?)\s*v?(\S+)\s*$/u.exec(spec) ?? [];
  if (versionOf(version) === undefined || (section === 'peerDependencies' && /[~^]/u.test(mark))) return undefined;
  return version;
}

/** What a project pins, and what it leaves to others. */
export function pinsOf({ manifests }: Project, keep: readonly string[]): { readonly pins: readonly Pin[]; readonly left: readonly Left[] } {
  const own = new Set(manifests.map(({ name }) => name));
  const members = manifests.filter(({ isMember }) => isMember);
  const places = members.flatMap((manifest) =>
    sections.flatMap((section) =>
      Object.entries(manifest.needs[section]).map(([name, spec]) => ({ file: manifest.file, section, name, spec })),
    ),
  );
  const pins = new Map<string, Pin & { readonly files: string[] }>();
  const left = new Map<string, Left>();
  const leave = (one: Left): void => void (left.has(one.name) || left.set(one.name, one));
  for (const { file, section, name, spec } of places) {
    if (own.has(name)) continue;
    const version = pinnedVersion(section, spec);
    if (keep.includes(name)) leave({ name, spec, why: 'kept, as asked' });
    else if (version === undefined) {
      if (section !== 'peerDependencies') leave({ name, spec, why: 'not one version: npm moves it in its range' });
    } else pins.set(name, joined(pins.get(name), { name, version, file, section }));
  }
  return { pins: [...pins.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)), left: [...left.values()] };
}

interface Place {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly section: Section;
}

function joined(
  known: (Pin & { readonly files: string[] }) | undefined,
  { name, version, file, section }: Place,
): Pin & { readonly files: string[] } {
  return {
    name,
    from: known === undefined || compareVersions(version, known.from) < 0 ? version : known.from,
    files: [...new Set([...(known?.files ?? []), file])],
    isProduction: (known?.isProduction ?? false) || section !== 'devDependencies',
    family: known?.family ?? (section === 'optionalDependencies' ? `${file} ${version}` : undefined),
  };
}
