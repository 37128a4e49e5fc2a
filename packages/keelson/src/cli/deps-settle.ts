/** Which versions go together: first everything at its newest, and where that does not resolve, production first and development around it. */
import { KeelsonError } from '../errors.ts';
import type { Held, Offer } from './deps-offers.ts';
import type { Targets } from './deps-rewrite.ts';

/** Whether versions go together, and the lock that they have then. */
export type Resolution = { readonly lock: string } | { readonly why: string };

/** Tries versions out. */
export type Resolve = (targets: Targets) => Promise<Resolution>;

/** What goes together. */
export interface Settlement {
  readonly strategy: 'everything' | 'production_first';
  readonly versions: ReadonlyMap<string, string>;
  readonly lock: string;
  readonly held: readonly Held[];
}

/**
 * Finds what goes together.
 *
 * @throws UPDATE_FAILED when nothing does
 */
export async function settle(offers: readonly Offer[], resolve: Resolve, say: (text: string) => void): Promise<Settlement> {
  say('Resolving everything at its newest …');
  const newest = new Map(offers.map((offer) => [offer.name, offer.newest]));
  const whole = await resolve(newest);
  if ('lock' in whole) return { strategy: 'everything', versions: newest, lock: whole.lock, held: [] };
  say(`That does not resolve:\n${whole.why}`);
  // What is not newer stands as it is, and is no question.
  const production = offers.filter((offer) => offer.isProduction && offer.newest !== offer.from);
  const development = offers.filter((offer) => !offer.isProduction);
  // Development is left out until its turn comes.
  const trial = new Trial(new Map(development.map((offer) => [offer.name, null])), resolve);
  say(`Production first: ${production.length} packages …`);
  await trial.place(production);
  say(`Development around it: ${development.length} packages …`);
  await trial.place(development);
  const lock = await trial.confirm();
  const versions = new Map([...trial.targets].flatMap(([name, version]) => (version === null ? [] : [[name, version] as const])));
  return { strategy: 'production_first', versions, lock, held: trial.held };
}

/** Versions that are found by halves: a group that does not resolve as a whole is placed in two. */
class Trial {
  readonly held: Held[] = [];
  targets: Targets;
  #lock: string | undefined;
  readonly #resolve: Resolve;

  constructor(targets: Targets, resolve: Resolve) {
    this.targets = targets;
    this.#resolve = resolve;
  }

  /** Places a group at its newest, or what of it goes, and the rest as new as it goes. */
  async place(group: readonly Offer[]): Promise<void> {
    if (group.length === 0) return;
    const why = await this.#holds(group.map((offer) => [offer.name, offer.newest]));
    if (why === undefined) return;
    // A family is one: its members have one version.
    const families = [...Map.groupBy(group, (offer) => offer.family ?? offer.name).values()];
    const [family] = families;
    if (families.length === 1 && family !== undefined) return this.#placeOne(family, why);
    const middle = Math.ceil(families.length / 2);
    await this.place(families.slice(0, middle).flat());
    await this.place(families.slice(middle).flat());
  }

  /** The last word on what was placed. */
  async confirm(): Promise<string> {
    const why = this.#lock === undefined ? await this.#holds([]) : undefined;
    if (this.#lock === undefined) throw failure(`Nothing goes together:\n${why ?? ''}`);
    return this.#lock;
  }

  async #placeOne(family: readonly Offer[], refusal: string): Promise<void> {
    let why = refusal;
    const tried = [family.map((offer) => offer.newest)];
    for (const versions of [await Promise.all(family.map((offer) => offer.near())), family.map((offer) => offer.from)]) {
      if (tried.some((before) => String(before) === String(versions))) continue;
      tried.push(versions);
      const again = await this.#holds(family.map((offer, at) => [offer.name, versions[at] ?? offer.from]));
      if (again === undefined) {
        for (const { name, from, newest } of family) this.held.push({ name, from, newest, why: 'does not go with the rest' });
        return;
      }
      why = again;
    }
    throw failure(`${family.map(({ name }) => name).join(', ')} goes with the others in no version that was tried:\n${why}`);
  }

  /** Keeps these versions when they resolve with those that were kept before; else says why they do not. */
  async #holds(more: readonly (readonly [string, string])[]): Promise<string | undefined> {
    const targets = new Map([...this.targets, ...more]);
    const resolution = await this.#resolve(targets);
    if (!('lock' in resolution)) return resolution.why;
    this.targets = targets;
    this.#lock = resolution.lock;
    return undefined;
  }
}

function failure(message: string): KeelsonError {
  return new KeelsonError('UPDATE_FAILED', { message });
}
