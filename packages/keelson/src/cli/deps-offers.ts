/** What the registry has: for each pinned package the newer versions that may be taken, the newest first. */
import { compareVersions, isMajorStep, isPrerelease, satisfies, versionOf } from './deps-version.ts';
import { type Left, misfitOf, type Npm, npmFailure } from './deps-npm.ts';
import type { Pin } from './deps-project.ts';

/** A pinned package and what it may become. */
export interface Offer extends Pin {
  /** The newest version that can be run here; the one that is there, when nothing is newer. */
  readonly newest: string;
  /** The newest that is no major step. */
  readonly near: string;
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
  const newer = await inTurns(pins, search, (pin) => newerThan(pin, search));
  const held: Held[] = [];
  const offers = await inTurns(pins, { ...search, said: () => {} }, async (pin) => {
    const family = pins.filter((other) => pin.family !== undefined && other.family === pin.family);
    const all = (newer.get(pin) ?? []).filter((version) => family.every((other) => newer.get(other)?.includes(version) ?? false));
    const allowed = search.isMajorAllowed ? all : all.filter((version) => !isMajorStep(pin.from, version));
    const newest = await firstThatRuns(pin, allowed, search);
    const near = isMajorStep(pin.from, newest)
      ? await firstThatRuns(
          pin,
          all.filter((version) => !isMajorStep(pin.from, version)),
          search,
        )
      : newest;
    const [passed] = newer.get(pin) ?? [];
    if (passed !== undefined && passed !== newest)
      held.push({ name: pin.name, from: pin.from, newest: passed, why: whyPassed({ passed, all, allowed }, search) });
    return { ...pin, newest, near };
  });
  return { offers: [...offers.values()], held };
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

/** The versions after the one that is pinned, up to what the registry calls the latest, the newest first. */
async function newerThan({ name, from }: Pin, search: Search): Promise<readonly string[]> {
  const answer = await view(name, ['versions', 'dist-tags.latest'], search);
  const versions = textsOf(answer?.['versions']);
  const [latest = from] = textsOf(answer?.['dist-tags.latest']);
  const isFromEarly = isPrerelease(from);
  return versions
    .filter((version) => compareVersions(version, from) > 0 && (isFromEarly || !isPrerelease(version)))
    .filter(
      (version) =>
        compareVersions(version, latest) <= 0 || (isFromEarly && compareVersions(from, latest) >= 0 && isSameRelease(version, from)),
    )
    .toSorted((a, b) => compareVersions(b, a));
}

const isSameRelease = (one: string, other: string): boolean => String(versionOf(one)?.numbers) === String(versionOf(other)?.numbers);

/** The first of these that runs on this node and is not deprecated; the one that is there, when none does. */
async function firstThatRuns({ name, from }: Pin, versions: readonly string[], search: Search): Promise<string> {
  for (const version of versions.slice(0, TRIES_MAX)) {
    const facts = await view(`${name}@${version}`, ['version', 'engines.node', 'deprecated'], search);
    const engines = facts?.['engines.node'];
    if (facts !== undefined && facts['deprecated'] === undefined && (typeof engines !== 'string' || satisfies(search.node, engines)))
      return version;
  }
  return from;
}

/** What the registry says of a package; nothing when it has none. */
async function view(
  name: string,
  fields: readonly string[],
  { npm, folder }: Search,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const left = await npm(['view', name, ...fields, '--json'], folder);
  if (left.code === 0) return parseView(left, name);
  if (misfitOf(left) !== undefined) return undefined;
  throw npmFailure(`look up ${name}`, left);
}

function parseView(left: Left, name: string): Readonly<Record<string, unknown>> | undefined {
  if (left.out.trim() === '') return undefined;
  try {
    return JSON.parse(left.out) as Readonly<Record<string, unknown>>;
  } catch {
    throw npmFailure(`look up ${name}`, { ...left, err: 'what it printed is no JSON' });
  }
}

const textsOf = (value: unknown): readonly string[] => [value].flat().filter((each) => typeof each === 'string');
