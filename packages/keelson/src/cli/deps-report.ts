/** What an update has changed, for people and for scripts. */
import type { Held, Offer } from './deps-offers.ts';
import type { Settlement } from './deps-settle.ts';
import { compareVersions, isMajorStep, versionOf } from './deps-version.ts';
import { type Output, renderTable } from './output.ts';

/** A package that was moved. */
export interface Change {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly step: 'major' | 'minor' | 'patch';
  readonly files: readonly string[];
}

/** How many packages that others need came, went and changed. */
export interface Others {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

/** What is told. */
export interface Report {
  readonly strategy: Settlement['strategy'];
  readonly changes: readonly Change[];
  readonly held: readonly Held[];
  readonly others: Others;
}

/** What moved. */
export function changesOf(offers: readonly Offer[], versions: ReadonlyMap<string, string>): readonly Change[] {
  return offers.flatMap(({ name, from, files }) => {
    const to = versions.get(name) ?? from;
    return compareVersions(to, from) === 0 ? [] : [{ name, from, to, step: stepOf(from, to), files }];
  });
}

function stepOf(from: string, to: string): Change['step'] {
  if (isMajorStep(from, to)) return 'major';
  return versionOf(from)?.numbers[1] === versionOf(to)?.numbers[1] ? 'patch' : 'minor';
}

/** What changed in a lock beside what is named. */
export function othersOf(before: string, after: string, named: readonly Change[]): Others {
  const [old, young] = [parseLock(before), parseLock(after)];
  const isNamed = (place: string): boolean => named.some(({ name }) => place.endsWith(`node_modules/${name}`));
  const places = [...old.keys(), ...young.keys()].filter((place) => place.includes('node_modules/') && !isNamed(place));
  const counted = { added: 0, removed: 0, changed: 0 };
  for (const place of new Set(places)) {
    const [one, other] = [old.get(place), young.get(place)];
    if (one === undefined) counted.added += 1;
    else if (other === undefined) counted.removed += 1;
    else if (one !== other) counted.changed += 1;
  }
  return counted;
}

function parseLock(text: string): ReadonlyMap<string, string> {
  const { packages = {} } = JSON.parse(text) as { readonly packages?: Readonly<Record<string, { readonly version?: string }>> };
  return new Map(Object.entries(packages).map(([place, { version }]) => [place, version ?? '']));
}

/** Prints what was changed to standard output, and what was not to standard error. */
export function printReport(output: Output, { strategy, changes, held, others }: Report): void {
  const lines = renderTable(changes.map(({ name, from, to, step, files }) => [name, from, '→', to, step, files.join(', ')])).split('\n');
  for (const [at, { step }] of changes.entries()) output.data(output.paint.data(step === 'major' ? 'yellow' : 'green', lines[at] ?? ''));
  const majors = changes.filter(({ step }) => step === 'major');
  if (majors.length > 0) {
    const words = majors.length === 1 ? '1 step is major' : `${majors.length} steps are major`;
    output.talk(`${output.paint.talk('yellow', `${words}:`)} read what ${majors.map(({ name }) => name).join(', ')} changed.`);
  }
  for (const { name, from, newest, why } of held)
    output.talk(`${output.paint.talk('yellow', 'held:')} ${name} ${from}, ${newest} is there: ${why}.`);
  const { added, removed, changed } = others;
  if (added + removed + changed > 0) output.talk(`Of what others need, ${changed} changed, ${added} came and ${removed} went.`);
  if (strategy === 'production_first')
    output.talk('Not everything goes together at its newest: production was placed first, and development around it.');
}
