/** What is written into the history without anything being run: stamps, repairs, and squashed revisions that are taken as applied. */
import { compare, type HistoryProblem } from './compare.ts';
import type { HistoryEntry, NewEntry } from './history.ts';
import type { Revision } from './revision.ts';
import { stepsOf } from './steps.ts';
import { keelsonVersion } from './version.ts';

/** What a repair wrote, and what it cannot decide. */
export interface MigrationRepair {
  readonly repaired: readonly HistoryProblem[];
  /** What contradicts still, each with its own way out. */
  readonly left: readonly HistoryProblem[];
}

/** The rows after which the revisions up to the place are applied, and no other; -1 is base. */
export function stampEntries(revisions: readonly Revision[], last: readonly HistoryEntry[], place: number): readonly NewEntry[] {
  const wanted = revisions.slice(0, place + 1);
  const ids = new Set(wanted.map((revision) => revision.id));
  const standing = new Map(last.map((entry) => [entry.id, entry]));
  const gone = last.filter((entry) => isPresent(entry) && !ids.has(entry.id)).reverse();
  return [...gone.map(goneEntry), ...wanted.filter((revision) => !isApplied(revision, standing.get(revision.id))).map(appliedEntry)];
}

/**
 * The rows after which the history agrees with the files where only they can be right: a revision that was edited, renamed or deleted after
 * it was applied. What is half-way, out of order or ahead of the files stays, since rows alone do not set it right.
 */
export function repairEntries(revisions: readonly Revision[], last: readonly HistoryEntry[]): readonly NewEntry[] {
  const { problems, pending } = compare(revisions, last);
  const byId = new Map(revisions.map((revision) => [revision.id, revision]));
  const standing = new Map(last.map((entry) => [entry.id, entry]));
  const moved = new Map(pending.map((revision) => [revision.checksum, revision]));
  return problems.flatMap(({ kind, id }): readonly NewEntry[] => {
    const entry = standing.get(id);
    if (entry === undefined || entry.part < entry.parts) return [];
    if (kind === 'changed') {
      const revision = byId.get(id);
      return revision === undefined ? [] : [appliedEntry(revision)];
    }
    if (kind !== 'missing' && kind !== 'ahead') return [];
    const now = moved.get(entry.checksum);
    if (now !== undefined) {
      moved.delete(entry.checksum);
      return [goneEntry(entry), appliedEntry(now)];
    }
    return kind === 'missing' ? [goneEntry(entry)] : [];
  });
}

/** The rows by which a squashed revision takes the place of those that it replaces. */
export function adoptionEntries(revision: Revision, replaced: readonly HistoryEntry[]): readonly NewEntry[] {
  return [...replaced.toReversed().map(goneEntry), appliedEntry(revision)];
}

function isPresent(entry: HistoryEntry): boolean {
  return entry.direction === 'up' || entry.part < entry.parts;
}

function isApplied(revision: Revision, entry: HistoryEntry | undefined): boolean {
  return entry?.direction === 'up' && entry.part === entry.parts && entry.checksum === revision.checksum && entry.slug === revision.slug;
}

function appliedEntry(revision: Revision): NewEntry {
  const { id, slug, checksum } = revision;
  const parts = stepsOf(revision, 'up').length;
  return { id, slug, checksum, direction: 'up', part: parts, parts, durationMs: null, keelsonVersion };
}

function goneEntry({ id, slug, checksum, parts }: HistoryEntry): NewEntry {
  return { id, slug, checksum, direction: 'down', part: parts, parts, durationMs: null, keelsonVersion };
}
