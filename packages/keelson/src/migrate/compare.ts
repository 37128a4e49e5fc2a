/** The files against the history: what is applied, what is pending, and where the two contradict each other. */
import { KeelsonError } from '../errors.ts';
import type { HistoryEntry } from './history.ts';
import type { Direction, Revision } from './revision.ts';
import { checksumAfter, stepsOf } from './steps.ts';

/** Where files and history contradict each other. */
export interface HistoryProblem {
  readonly kind: 'changed' | 'missing' | 'ahead' | 'out_of_order' | 'half_reverted' | 'partly_replaced';
  readonly id: string;
  /** What is wrong, in a sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

/** A revision of which some parts have been run, because a later one failed. */
interface HalfWay {
  readonly revision: Revision;
  readonly direction: Direction;
  readonly part: number;
  readonly parts: number;
}

/** A squashed revision whose predecessors are all applied: it takes their place without being run. */
interface Adoption {
  readonly revision: Revision;
  readonly replaced: readonly HistoryEntry[];
}

/** How files and history stand to each other. */
export interface Comparison {
  /** Fully applied and unchanged, in order. */
  readonly applied: readonly Revision[];
  /** Not applied, in order; one that is applied half-way comes first. */
  readonly pending: readonly Revision[];
  readonly halfWay: HalfWay | undefined;
  /** Those of `pending` that are not run but only recorded. */
  readonly adoptions: readonly Adoption[];
  readonly problems: readonly HistoryProblem[];
}

/** Compares the revisions with the last row of each id in the history. */
export function compare(revisions: readonly Revision[], last: readonly HistoryEntry[]): Comparison {
  const present = last.filter((entry) => entry.direction === 'up' || entry.part < entry.parts);
  const byId = new Map(present.map((entry) => [entry.id, entry]));
  const { adoptions, partly, accounted } = replacements(revisions, byId);
  const known = new Set([...revisions.map((revision) => revision.id), ...accounted]);
  const newest = present.findLast((entry) => !accounted.has(entry.id));
  const applied: Revision[] = [];
  const pending: Revision[] = [];
  const problems = [...present.filter((entry) => !known.has(entry.id)).map((entry) => missing(entry, revisions)), ...partly];
  let halfWay: HalfWay | undefined;
  for (const revision of revisions) {
    const entry = byId.get(revision.id);
    if (entry === undefined) {
      pending.push(revision);
      if (newest !== undefined && revision.id < newest.id) problems.push(outOfOrder(revision, newest));
      continue;
    }
    if (isChanged(revision, entry)) problems.push(changed(revision, entry));
    if (entry.part === entry.parts) applied.push(revision);
    else {
      halfWay = { revision, direction: entry.direction, part: entry.part, parts: entry.parts };
      pending.push(revision);
      if (entry.direction === 'down') problems.push(halfReverted(revision, entry));
    }
  }
  return { applied, pending, halfWay, adoptions, problems };
}

/** What the squashed revisions account for: rows whose files are gone because another stands in their place. */
function replacements(revisions: readonly Revision[], byId: ReadonlyMap<string, HistoryEntry>) {
  const adoptions: Adoption[] = [];
  const partly: HistoryProblem[] = [];
  const accounted = new Set<string>();
  for (const revision of revisions) {
    if (revision.replaces.length === 0 || byId.has(revision.id)) continue;
    const replaced = revision.replaces.map((id) => byId.get(id)).filter((entry) => entry !== undefined);
    for (const entry of replaced) accounted.add(entry.id);
    const whole = replaced.filter((entry) => entry.part === entry.parts);
    if (whole.length === revision.replaces.length) adoptions.push({ revision, replaced });
    else if (replaced.length > 0) partly.push(partlyReplaced(revision, whole));
  }
  return { adoptions, partly, accounted };
}

function partlyReplaced(revision: Revision, whole: readonly HistoryEntry[]): HistoryProblem {
  const done = new Set(whole.map((entry) => entry.id));
  const lacking = revision.replaces.find((id) => !done.has(id)) ?? '';
  return {
    kind: 'partly_replaced',
    id: revision.id,
    message: `${revision.file} replaces ${revision.replaces.length} revisions, of which this database has ${whole.length}; ${lacking} is not applied.`,
    hint: `Check out the code before the squash, run \`keelson migrate up\` with it, and come back; or, if the database has all that they do, \`keelson migrate stamp ${revision.id}\`.`,
  };
}

/**
 * Refuses to go on where files and history contradict each other.
 *
 * @throws MIGRATION_INVALID listing every contradiction with what to do
 */
export function refuse(problems: readonly HistoryProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more: ${problems.slice(1).map(named).join(', ')})` : '';
  throw new KeelsonError('MIGRATION_INVALID', { message: `${first.message}${more}`, hint: first.hint, data: { problems } });
}

/**
 * Refuses before anything is run, rather than to stop half-way down.
 *
 * @throws MIGRATION_INVALID
 */
export function refuseIrreversible(wanted: readonly Revision[]): void {
  const fixed = wanted.find((revision) => revision.irreversible);
  if (fixed === undefined) return;
  throw new KeelsonError('MIGRATION_INVALID', {
    message: `${fixed.file} is irreversible (${fixed.irreversibleReason ?? ''}); nothing was taken back.`,
    hint: 'Write a new revision that goes forward to what you want, or restore a backup.',
  });
}

function named(problem: HistoryProblem): string {
  return `${problem.id} ${problem.kind.replaceAll('_', ' ')}`;
}

function isChanged(revision: Revision, entry: HistoryEntry): boolean {
  if (revision.slug !== entry.slug) return true;
  const steps = stepsOf(revision, entry.direction);
  if (entry.part < entry.parts && steps.length <= entry.part) return true;
  const done = entry.part === entry.parts ? steps.length : entry.part;
  return checksumAfter(revision, steps, done) !== entry.checksum;
}

function changed(revision: Revision, entry: HistoryEntry): HistoryProblem {
  const what = revision.slug === entry.slug ? 'was changed' : `was renamed (from ${entry.slug})`;
  const when =
    entry.part === entry.parts
      ? `it was applied at ${entry.appliedAt}`
      : `${entry.part} of its ${entry.parts} parts were run at ${entry.appliedAt}`;
  const hint =
    entry.part === entry.parts
      ? 'Restore the file and write the change as a new revision. If nobody else has applied it: restore it, take it back with `down`, and change it then. If the database is already as the file says now: `keelson migrate repair`.'
      : 'Restore the parts that were run; only those that were not may still be changed.';
  return { kind: 'changed', id: revision.id, message: `${revision.file} ${what} after ${when}.`, hint };
}

function missing(entry: HistoryEntry, revisions: readonly Revision[]): HistoryProblem {
  const name = `${entry.id}_${entry.slug}`;
  const newer = revisions.every((revision) => revision.id < entry.id);
  const hint = newer
    ? 'The database is ahead of this code: run the newer code, or take the revision back with the code that has it. If what it did is not in the database: `keelson migrate stamp head`.'
    : 'Restore the file from version control; a revision that was applied anywhere stays in the folder. If it was removed or renamed on purpose: `keelson migrate repair` takes it out of the history.';
  return {
    kind: newer ? 'ahead' : 'missing',
    id: entry.id,
    message: `${name} was applied at ${entry.appliedAt}, but its file is not in the folder.`,
    hint,
  };
}

function outOfOrder(revision: Revision, newest: HistoryEntry): HistoryProblem {
  return {
    kind: 'out_of_order',
    id: revision.id,
    message: `${revision.file} is not applied, and is older than ${newest.id}_${newest.slug}, which is.`,
    hint: `Rename it to a time after ${newest.id} (\`git mv\`), so that it runs last everywhere. If the database has all that it does: \`keelson migrate stamp ${newest.id}\`.`,
  };
}

function halfReverted(revision: Revision, entry: HistoryEntry): HistoryProblem {
  return {
    kind: 'half_reverted',
    id: revision.id,
    message: `${revision.file} was taken back half-way: ${entry.part} of ${entry.parts} parts.`,
    hint: 'Finish it with `down 1`, which goes on at the next part.',
  };
}
