/** The migrator: brings a database up to its revisions, takes it back, and says where it stands. */
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Connection } from '../postgres/connection.ts';
import { type Comparison, compare, type HistoryProblem, refuse } from './compare.ts';
import { inOrder } from './folder.ts';
import { addEntries, checkedNamespace, ensureHistory, type HistoryEntry, listHistory, listLast } from './history.ts';
import { withLock } from './lock.ts';
import { renderSql } from './offline.ts';
import { placeOf } from './reference.ts';
import type { Direction, Revision } from './revision.ts';
import { runRevision } from './run.ts';
import { adoptionEntries, type MigrationRepair, repairEntries, stampEntries } from './stamp.ts';
import { toRevert } from './way-down.ts';

/** What a migrator needs. */
export interface MigratorOptions {
  /** A connection of its own, straight to the server: nobody else may use it meanwhile. */
  readonly connection: Connection;
  readonly revisions: readonly Revision[];
  /** The PostgreSQL schema of the app; made when it is missing. */
  readonly namespace: string;
  readonly log?: Log | undefined;
  readonly clock?: Clock | undefined;
  /** How long to wait for another that migrates. Default 60,000. */
  readonly waitMs?: number | undefined;
  /** How long a statement may wait for a lock before it is tried again. Default 3,000. */
  readonly lockTimeoutMs?: number | undefined;
  /** How often a part is tried when a lock was not free. Default 5. */
  readonly attemptsMax?: number | undefined;
  /** Whether a transaction pooler stands between: then what is applied can be asked, and nothing be changed. */
  readonly isPooled?: boolean | undefined;
}

/** How far up. */
export interface UpOptions {
  /** The last revision to apply; without it all are applied. */
  readonly to?: string | undefined;
  /** `expand`: nothing is taken away that running code may still use; the first `contract` revision, and all after it, wait. */
  readonly phase?: 'expand' | 'contract' | undefined;
}

/** A revision that was run. */
export interface MigrationRun {
  readonly id: string;
  readonly slug: string;
  readonly direction: Direction;
  readonly durationMs: number;
}

/** Where a database stands; `unknown` when its history and the files contradict each other. */
export interface MigrationStatus {
  readonly state: 'up_to_date' | 'pending' | 'unknown';
  /** The ids of the revisions, in order. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** The revision of which only some parts were run. */
  readonly halfWay: { readonly id: string; readonly direction: Direction; readonly part: number; readonly parts: number } | undefined;
  readonly problems: readonly HistoryProblem[];
}

const WAIT_MS = 60_000;
const LOCK_TIMEOUT_MS = 3_000;
const ATTEMPTS_MAX = 5;
const HISTORY_MAX = 10_000;

/**
 * Runs the revisions of one app against one namespace. Several may do so at once: each revision is run exactly once.
 *
 * @example
 * import { Migrator, readRevisions } from 'keelson/migrate';
 * import { Connection } from 'keelson/postgres';
 * const connection = await Connection.open({ connectionString: 'postgresql://localhost/app' });
 * const migrator = new Migrator({ connection, revisions: await readRevisions('migrations'), namespace: 'accounts' });
 * await migrator.up();
 * await connection.close();
 */
export class Migrator {
  readonly namespace: string;
  readonly revisions: readonly Revision[];
  readonly #connection: Connection;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #lockTimeoutMs: number;
  readonly #attemptsMax: number;
  readonly #isPooled: boolean;

  /** @throws MISUSE for a name that cannot be a namespace; MIGRATION_INVALID when two revisions have one id */
  constructor(options: MigratorOptions) {
    this.namespace = checkedNamespace(options.namespace);
    this.revisions = inOrder(options.revisions);
    this.#connection = options.connection;
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#waitMs = options.waitMs ?? WAIT_MS;
    this.#lockTimeoutMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
    this.#attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX;
    this.#isPooled = options.isPooled ?? false;
  }

  /**
   * Applies what is pending, up to and with the revision `to`; with `phase: 'expand'` it stops before the first revision that contracts.
   *
   * @throws MIGRATION_FAILED naming file and line; MIGRATION_INVALID when history and files contradict each other; MIGRATIONS_LOCKED; USAGE
   */
  async up(options: UpOptions = {}): Promise<readonly MigrationRun[]> {
    const last = this.revisions[placeOf(this.revisions, options.to ?? 'head')];
    const before = await this.#compare();
    refuse(before.problems);
    const { wanted, held } = wantedOf(before, last, options.phase);
    if (held !== undefined) this.#log.info('migration.held_back', { namespace: this.namespace, id: held.id, slug: held.slug });
    // Nothing to do needs no lock: a start is not held up by another that migrates what this code does not know.
    if (wanted.length === 0) return [];
    return this.#locked(async () => {
      await ensureHistory(this.#connection, this.namespace);
      const comparison = await this.#compare();
      refuse(comparison.problems);
      return this.#runAll(wantedOf(comparison, last, options.phase).wanted, 'up', comparison);
    });
  }

  /**
   * Takes revisions back: the last `to` when it is a number, all after the revision `to`, or, with `base`, all.
   *
   * @throws USAGE when it is not said how far; MIGRATION_INVALID for an irreversible one, before anything is run; MIGRATION_FAILED; MIGRATIONS_LOCKED
   */
  async down(options: { readonly to?: string | number | undefined } = {}): Promise<readonly MigrationRun[]> {
    const { to } = options;
    if (to === undefined || to === '') {
      throw new KeelsonError('USAGE', {
        message: 'How far down was not said.',
        hint: 'Say how many revisions to take back (1), the id of the one to go back to, or the word base to take back all.',
      });
    }
    return this.#locked(async () => {
      const comparison = await this.#compare();
      const wanted = toRevert(this.revisions, comparison, to);
      return this.#runAll(wanted, 'down', comparison);
    });
  }

  /**
   * Takes the last revision back, or all after `to`, and applies the same again: the way to try what was just changed.
   *
   * @throws MIGRATION_FAILED; MIGRATION_INVALID; MIGRATIONS_LOCKED; USAGE
   */
  async redo(options: { readonly to?: string | number | undefined } = {}): Promise<readonly MigrationRun[]> {
    return this.#locked(async () => {
      const comparison = await this.#compare();
      refuse(comparison.problems);
      const wanted = toRevert(this.revisions, comparison, options.to ?? 1);
      const back = await this.#runAll(wanted, 'down', comparison);
      return [...back, ...(await this.#runAll(wanted.toReversed(), 'up'))];
    });
  }

  /**
   * Records that the revisions up to this one are applied and no other is. Danger: nothing is run; the database must stand there already.
   *
   * @throws USAGE for a revision that there is not; MIGRATIONS_LOCKED
   */
  async stamp(to: string): Promise<readonly MigrationRun[]> {
    const place = placeOf(this.revisions, to);
    return this.#locked(async () => {
      await ensureHistory(this.#connection, this.namespace);
      const rows = stampEntries(this.revisions, await listLast(this.#connection, this.namespace), place);
      await addEntries(this.#connection, this.namespace, rows);
      if (rows.length > 0) this.#log.info('migration.stamped', { namespace: this.namespace, to, rows: rows.length });
      return rows.map(({ id, slug, direction }) => ({ id, slug, direction, durationMs: 0 }));
    });
  }

  /**
   * Makes the history say what the files say, where a revision was edited, renamed or deleted after it was applied. Danger: nothing is run; the database must fit the files already.
   *
   * @throws MIGRATIONS_LOCKED
   */
  async repair(): Promise<MigrationRepair> {
    return this.#locked(async () => {
      const { problems } = await this.#compare();
      const rows = repairEntries(this.revisions, await listLast(this.#connection, this.namespace));
      await addEntries(this.#connection, this.namespace, rows);
      const { problems: left } = rows.length === 0 ? { problems } : await this.#compare();
      const open = new Set(left.map((problem) => `${problem.kind} ${problem.id}`));
      const repaired = problems.filter((problem) => !open.has(`${problem.kind} ${problem.id}`));
      for (const { kind, id } of repaired) this.#log.warn('migration.repaired', { namespace: this.namespace, id, kind });
      return { repaired, left };
    });
  }

  /** The last row of the newest revision that is applied, or null when none is. */
  async current(): Promise<HistoryEntry | null> {
    const last = await listLast(this.#connection, this.namespace);
    return last.findLast((entry) => entry.direction === 'up' && entry.part === entry.parts) ?? null;
  }

  /** What was run, newest first. */
  async history(options: { readonly limit?: number | undefined } = {}): Promise<readonly HistoryEntry[]> {
    return listHistory(this.#connection, this.namespace, Math.min(options.limit ?? HISTORY_MAX, HISTORY_MAX));
  }

  /** Where the database stands. Reads only, and waits for nobody. */
  async status(): Promise<MigrationStatus> {
    const { applied, pending, halfWay, problems } = await this.#compare();
    const clean = pending.length === 0 ? 'up_to_date' : 'pending';
    return {
      state: problems.length > 0 ? 'unknown' : clean,
      applied: applied.map((revision) => revision.id),
      pending: pending.map((revision) => revision.id),
      halfWay: halfWay && { id: halfWay.revision.id, direction: halfWay.direction, part: halfWay.part, parts: halfWay.parts },
      problems,
    };
  }

  /**
   * The text that `up` or `down` would run from one revision to another, history rows included, for someone who runs it by hand. Asks no server.
   *
   * @throws USAGE for a revision that there is not; MIGRATION_INVALID when an irreversible one would have to be taken back
   */
  sql(options: { readonly from?: string | undefined; readonly to?: string | undefined } = {}): string {
    return renderSql({ revisions: this.revisions, namespace: this.namespace, ...options });
  }

  async #compare(): Promise<Comparison> {
    return compare(this.revisions, await listLast(this.#connection, this.namespace));
  }

  async #locked<T>(block: () => Promise<T>): Promise<T> {
    // Its lock and its settings would stay on a connection that others are given next.
    if (this.#isPooled)
      throw new KeelsonError('MIGRATION_FAILED', {
        message: 'Migrations do not go through a transaction pooler, and nothing was run.',
        hint: 'Set DIRECT_DATABASE_URL to the same database past the pooler.',
      });
    const options = { connection: this.#connection, namespace: this.namespace, waitMs: this.#waitMs, log: this.#log, clock: this.#clock };
    return withLock(options, block);
  }

  async #runAll(wanted: readonly Revision[], direction: Direction, comparison?: Comparison): Promise<readonly MigrationRun[]> {
    const runs: MigrationRun[] = [];
    for (const revision of wanted) {
      const adopted = comparison?.adoptions.find((adoption) => adoption.revision === revision);
      if (adopted !== undefined) {
        runs.push(await this.#adopt(revision, adopted.replaced));
        continue;
      }
      const halfWay = comparison?.halfWay;
      const done = halfWay?.revision.id === revision.id ? halfWay.part : 0;
      const durationMs = await runRevision(
        {
          connection: this.#connection,
          namespace: this.namespace,
          log: this.#log,
          clock: this.#clock,
          lockTimeoutMs: this.#lockTimeoutMs,
          attemptsMax: this.#attemptsMax,
        },
        revision,
        direction,
        done,
      );
      const { id, slug } = revision;
      runs.push({ id, slug, direction, durationMs });
      const event = direction === 'up' ? 'migration.applied' : 'migration.reverted';
      this.#log.info(event, { namespace: this.namespace, id, slug, duration_ms: durationMs });
    }
    return runs;
  }

  async #adopt(revision: Revision, replaced: readonly HistoryEntry[]): Promise<MigrationRun> {
    await addEntries(this.#connection, this.namespace, adoptionEntries(revision, replaced));
    const { id, slug } = revision;
    this.#log.info('migration.adopted', { namespace: this.namespace, id, slug, replaced: replaced.length });
    return { id, slug, direction: 'up', durationMs: 0 };
  }
}

/** What of the pending is asked for, and the first one that its phase holds back. */
function wantedOf({ pending }: Comparison, last: Revision | undefined, phase: UpOptions['phase']) {
  const asked = pending.filter((revision) => last !== undefined && revision.id <= last.id);
  const stop = phase === 'expand' ? asked.findIndex((revision) => revision.phase === 'contract') : -1;
  return stop === -1 ? { wanted: asked, held: undefined } : { wanted: asked.slice(0, stop), held: asked[stop] };
}
