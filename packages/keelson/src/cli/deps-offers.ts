/** What the registry has: for each pinned package the newer versions that may be taken, the newest first. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compareVersions, isMajorStep, isPrerelease, satisfies, versionOf } from './deps-version.ts';
import { type Left, misfitOf, type Npm, npmCodeOf, npmFailure } from './deps-npm.ts';
import type { Pin } from './deps-project.ts';

/** A pinned package and what it may become. */
export interface Offer extends Pin {
  /** The newest version that can be run here; the one that is there, when nothing is newer. */
  readonly newest: string;
  /** Looks for the newest that is no major step. */
  readonly near: () => Promise<string>;
}

/** A newer version that is not taken. */
export interface Held {
  readonly name: string;
  readonly from: string;
  readonly newest: string;
  readonly why: string;
}

/** What is looked for. */
export interface Search {
  readonly npm: Npm;
  readonly folder: string;
  /** The version of the node that the project runs on. */
  readonly node: string;
  readonly isMajorAllowed: boolean;
  readonly said: (done: number) => void;
}

const LOOKUPS_MAX = 4;
const TRIES_MAX = 5;

/**
 * What each package may become.
 *
 * @throws OUTSIDE_UNAVAILABLE when the registry cannot be asked
 */
export async function lookUp(
  pins: readonly Pin[],
  search: Search,
): Promise<{ readonly offers: readonly Offer[]; readonly held: readonly Held[] }> {
  const latest = await latestOf(pins, search);
  const newer = await inTurns(pins, search, (pin) => newerThan(pin, latest.get(pin.name) ?? pin.from, search));
  const held: Held[] = [];
  const offers = await inTurns(pins, { ...search, said: () => {} }, async (pin) => {
    const family = pins.filter((other) => pin.family !== undefined && other.family === pin.family);
    const all = (newer.get(pin) ?? []).filter((version) => family.every((other) => newer.get(other)?.includes(version) ?? false));
    const small = all.filter((version) => !isMajorStep(pin.from, version));
    const allowed = search.isMajorAllowed ? all : small;
    const newest = await firstThatRuns(pin, allowed, search);
    const [passed] = newer.get(pin) ?? [];
    if (passed !== undefined && passed !== newest)
      held.push({ name: pin.name, from: pin.from, newest: passed, why: whyPassed({ passed, all, allowed }, search) });
    return { ...pin, newest, near: async () => (isMajorStep(pin.from, newest) ? firstThatRuns(pin, small, search) : newest) };
  });
  return { offers: [...offers.values()], held: held.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

interface Passed {
  readonly passed: string;
  readonly all: readonly string[];
  readonly allowed: readonly string[];
}

function whyPassed({ passed, all, allowed }: Passed, { node }: Search): string {
  if (!all.includes(passed)) return 'its siblings do not have that version';
  return allowed.includes(passed) ? `deprecated, or not for node ${node}` : 'a major step';
}

async function inTurns<T>(pins: readonly Pin[], { said }: Search, of: (pin: Pin) => Promise<T>): Promise<ReadonlyMap<Pin, T>> {
  const found = new Map<Pin, T>();
  const waiting = [...pins];
  const take = async (): Promise<void> => {
    for (let pin = waiting.shift(); pin !== undefined; pin = waiting.shift()) {
      found.set(pin, await of(pin));
      said(found.size);
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_MAX }, take));
  return new Map(
    pins.flatMap((pin) => {
      const one = found.get(pin);
      return one === undefined ? [] : [[pin, one] as const];
    }),
  );
}

/** What the registry calls the latest of each, asked for at once; a package that it does not have is not among them. */
async function latestOf(pins: readonly Pin[], { npm, folder }: Search): Promise<ReadonlyMap<string, string>> {
  const all = path.join(folder, '.keelson-pins');
  mkdirSync(all);
  const dependencies = Object.fromEntries(pins.map(({ name, from }) => [name, from]));
  writeFileSync(path.join(all, 'package.json'), JSON.stringify({ private: true, dependencies }));
  if (existsSync(path.join(folder, '.npmrc'))) cpSync(path.join(folder, '.npmrc'), path.join(all, '.npmrc'));
  const left = await npm(['outdated', '--json', '--prefer-online'], all);
  rmSync(all, { recursive: true });
  // It ends with 1 when something is outdated, too.
  const failed = npmCodeOf(left);
  if (failed !== undefined) throw npmFailure('look up the packages', left);
  return parseOutdated(left);
}

function parseOutdated(left: Left): ReadonlyMap<string, string> {
  const packages = (parseAnswer(left, 'the packages') ?? {}) as Readonly<Record<string, { readonly latest?: string }>>;
  return new Map(Object.entries(packages).flatMap(([name, { latest }]) => (latest === undefined ? [] : [[name, latest] as const])));
}

/** The versions after the one that is pinned, up to what the registry calls the latest, the newest first. */
async function newerThan({ name, from }: Pin, latest: string, search: Search): Promise<readonly string[]> {
  const isFromEarly = isPrerelease(from);
  if (compareVersions(latest, from) <= 0 && !isFromEarly) return [];
  const facts = await view(name, latest, search);
  // npm passes over what does not run here; what that is, is said.
  const [tagged = latest] = textsOf(facts?.['dist-tags.latest']);
  const isUpTo = (version: string): boolean =>
    compareVersions(version, tagged) <= 0 || (compareVersions(from, tagged) >= 0 && isSameRelease(version, from));
  return textsOf(facts?.['versions'])
    .filter((version) => compareVersions(version, from) > 0 && (isFromEarly || !isPrerelease(version)) && isUpTo(version))
    .toSorted((a, b) => compareVersions(b, a));
}

const isSameRelease = (one: string, other: string): boolean => String(versionOf(one)?.numbers) === String(versionOf(other)?.numbers);

/** The first of these that runs on this node and is not deprecated; the one that is there, when none does. */
async function firstThatRuns({ name, from }: Pin, versions: readonly string[], search: Search): Promise<string> {
  for (const version of versions.slice(0, TRIES_MAX)) {
    const facts = await view(name, version, search);
    const engines = facts?.['engines.node'];
    const isRunning = typeof engines !== 'string' || satisfies(search.node, engines);
    if (facts !== undefined && facts['deprecated'] === undefined && isRunning) return version;
  }
  return from;
}

type Facts = Readonly<Record<string, unknown>> | undefined;

/** What was looked up already in a search. */
const known = new WeakMap<Npm, Map<string, Facts>>();

/** What the registry says of a version; nothing when it has none. */
async function view(name: string, version: string, { npm, folder }: Search): Promise<Facts> {
  const seen = known.get(npm) ?? new Map<string, Facts>();
  known.set(npm, seen);
  const spec = `${name}@${version}`;
  if (!seen.has(spec)) {
    const left = await npm(
      ['view', spec, 'version', 'versions', 'dist-tags.latest', 'engines.node', 'deprecated', '--json', '--prefer-offline'],
      folder,
    );
    if (left.code !== 0 && misfitOf(left) === undefined) throw npmFailure(`look up ${name}`, left);
    seen.set(spec, left.code === 0 ? parseAnswer(left, name) : undefined);
  }
  return seen.get(spec);
}

function parseAnswer(left: Left, what: string): Facts {
  if (left.out.trim() === '') return undefined;
  try {
    return JSON.parse(left.out) as Facts;
  } catch {
    throw npmFailure(`look up ${what}`, { ...left, err: 'what it printed is no JSON' });
  }
}

const textsOf = (value: unknown): readonly string[] => [value].flat().filter((each) => typeof each === 'string');
