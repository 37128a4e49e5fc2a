/** What the commands of `migrate` do. */
import path from 'node:path';
import { KeelsonError } from '../errors.ts';
import { readRevisions } from '../migrate/folder.ts';
import { checkLock, LOCK_FILE, writeLock } from '../migrate/lock-file.ts';
import { nameOf, placeOf } from '../migrate/reference.ts';
import type { Revision } from '../migrate/revision.ts';
import { type MigrationRun, Migrator, type UpOptions } from '../migrate/runner.ts';
import { confirm } from './confirm.ts';
import { type Context, shownPath } from './context.ts';
import { databaseName, databaseSettings, isGuarded, isPooled, withConnection } from './database.ts';
import { exitCodes } from './failure.ts';
import { renderJson, renderTable } from './output.ts';
import { talkLog } from './talk.ts';

interface Json {
  readonly json?: true;
}

interface Yes {
  /** The name of the database. */
  readonly yes?: string;
}

/** Applies what is pending, and says what it holds back. */
export async function up(context: Context, options: Json & UpOptions): Promise<void> {
  const { to, phase } = options;
  const { runs, held } = await withMigrator(context, async (migrator) => ({
    runs: await migrator.up({ to, phase }),
    held: phase === 'expand' ? await heldBack(migrator) : undefined,
  }));
  printRuns(context, runs, options);
  if (held === undefined || options.json) return;
  context.output.talk(
    `Held back: ${nameOf(held)}, and what comes after it. It takes away what running code may still use: once none does, run migrate up.`,
  );
}

/** The revision that is next, where it is one that takes something away. */
async function heldBack(migrator: Migrator): Promise<Revision | undefined> {
  const { pending } = await migrator.status();
  const next = migrator.revisions.find((revision) => revision.id === pending[0]);
  return next?.phase === 'contract' ? next : undefined;
}

/** Takes back a number of revisions, all after one, or all. */
export async function down(context: Context, to: string | undefined, options: Json): Promise<void> {
  printRuns(context, await withMigrator(context, (migrator) => migrator.down({ to: numberOr(to) })), options);
}

/** Takes the last revision back, or more, and applies the same again. */
export async function redo(context: Context, to: string | undefined, options: Json): Promise<void> {
  printRuns(context, await withMigrator(context, (migrator) => migrator.redo({ to: numberOr(to) })), options);
}

/**
 * Writes into the history that the revisions up to one are applied, and runs nothing.
 *
 * @throws USAGE in staging and production when it was not confirmed
 */
export async function stamp(context: Context, to: string, options: Json & Yes): Promise<void> {
  await confirmHistory(context, `This says of the database that it stands at ${to}, and runs nothing.`, options);
  const runs = await withMigrator(context, (migrator) => migrator.stamp(to));
  if (options.json) context.output.data(renderJson(runs));
  else if (runs.length === 0) context.output.talk('The history says so already.');
  else context.output.data(renderTable(runs.map((run) => [run.direction, nameOf(run), 'by hand'])));
}

/**
 * Makes lock file and history say what the files say, and runs nothing; gives 1 when something is left that it may not mend.
 *
 * @throws USAGE in staging and production when it was not confirmed
 */
export async function repair(context: Context, options: Json & Yes): Promise<number> {
  const { app, output } = context;
  const revisions = await readRevisions(app.migrationsDirectory);
  await confirmHistory(context, 'This makes the history say what the files say, and runs nothing.', options);
  const isLockWrong = (await checkLock(app.migrationsDirectory, revisions)).length > 0;
  if (isLockWrong) await writeLock(app.migrationsDirectory, revisions);
  const { repaired, left } = await withMigrator(context, (migrator) => migrator.repair());
  if (options.json) output.data(renderJson({ lockFileWritten: isLockWrong, repaired, left }));
  else {
    if (isLockWrong) output.talk(`${shownPath(path.join(app.migrationsDirectory, LOCK_FILE))} was written anew.`);
    for (const { kind, id } of repaired) output.talk(`The history goes with the files again: ${id} (${kind.replaceAll('_', ' ')}).`);
    if (!isLockWrong && repaired.length === 0 && left.length === 0) output.talk('There is nothing to repair.');
  }
  for (const { message, hint } of left) output.talk(`${message}\nhint:  ${hint}`);
  return left.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** What a history says decides what is run from then on. */
async function confirmHistory(context: Context, says: string, { yes }: Yes): Promise<void> {
  const settings = databaseSettings(context);
  if (isGuarded(settings)) await confirm(context, { name: databaseName(context, settings), says, yes });
}

/** Goes to a revision from either side. */
export async function goTo(context: Context, reference: string, options: Json): Promise<void> {
  const runs = await withMigrator(context, async (migrator) => {
    const target = migrator.revisions[placeOf(migrator.revisions, reference)];
    if (target === undefined) return migrator.down({ to: 'base' });
    const { applied } = await migrator.status();
    return applied.includes(target.id) ? migrator.down({ to: target.id }) : migrator.up({ to: target.id });
  });
  printRuns(context, runs, options);
}

/** Prints the newest revision that is applied. */
export async function current(context: Context, options: Json): Promise<void> {
  const entry = await withMigrator(context, (migrator) => migrator.current());
  context.output.data(options.json ? renderJson(entry) : entry === null ? 'base' : nameOf(entry));
}

/** Prints what was run. */
export async function history(context: Context, options: Json & { readonly limit: number }): Promise<void> {
  const { output } = context;
  const entries = await withMigrator(context, (migrator) => migrator.history(options));
  if (options.json) output.data(renderJson(entries));
  else if (entries.length === 0) output.talk('Nothing was ever run.');
  else {
    const rows = entries.map(({ appliedAt, direction, part, parts, durationMs, ...entry }) => [
      appliedAt,
      direction,
      parts === 1 ? nameOf(entry) : `${nameOf(entry)} (part ${part} of ${parts})`,
      durationMs === null ? 'by hand' : `${durationMs} ms`,
    ]);
    output.data(renderTable(rows));
  }
}

/** Prints where the database stands; gives 1 when files and history contradict each other. */
export async function status(context: Context, options: Json): Promise<number> {
  const { output } = context;
  const { found, revisions } = await withMigrator(context, async (migrator) => ({
    found: await migrator.status(),
    revisions: migrator.revisions,
  }));
  if (options.json) output.data(renderJson({ ...found, halfWay: found.halfWay ?? null }));
  else {
    const words = { up_to_date: 'up to date', pending: `${found.pending.length} pending`, unknown: 'unknown' };
    const applied = new Set(found.applied);
    const rows = revisions.map((revision) => {
      const standing = applied.has(revision.id) ? 'applied' : 'pending';
      const cells = [found.halfWay?.id === revision.id ? `half-way ${found.halfWay.direction}` : standing, nameOf(revision)];
      return standing === 'pending' && revision.phase === 'contract' ? [...cells, 'contract'] : cells;
    });
    output.data([words[found.state], ...(rows.length === 0 ? [] : [renderTable(rows)])].join('\n'));
  }
  for (const { message, hint } of found.problems) output.talk(`${message}\nhint:  ${hint}`);
  return found.state === 'unknown' ? exitCodes.failed : exitCodes.ok;
}

/**
 * Prints the SQL from one revision to another.
 *
 * @throws USAGE when the range is none
 */
export async function printSql({ app, output }: Context, range: string): Promise<void> {
  const [from = '', to, ...more] = range.split(':');
  if (to === undefined || more.length > 0) {
    throw new KeelsonError('USAGE', {
      message: `${JSON.stringify(range)} is not a range of revisions.`,
      hint: 'Say from where to where, with a colon between: base:head.',
    });
  }
  const { renderSql } = await import('../migrate/offline.ts');
  const revisions = await readRevisions(app.migrationsDirectory);
  output.data(renderSql({ revisions, namespace: app.namespace, from: from || 'base', to: to || 'head' }).trimEnd());
}

async function withMigrator<T>(context: Context, block: (migrator: Migrator) => Promise<T>): Promise<T> {
  const { app } = context;
  const revisions = await readRevisions(app.migrationsDirectory);
  const pooled = isPooled(databaseSettings(context));
  return withConnection(context, (connection) =>
    block(new Migrator({ connection, revisions, namespace: app.namespace, log: talkLog(context), isPooled: pooled })),
  );
}

/** How far down: a number of revisions, or the name of one. */
function numberOr(to: string | undefined): number | string | undefined {
  return to !== undefined && /^\d{1,6}$/.test(to) ? Number(to) : to;
}

function printRuns({ output }: Context, runs: readonly MigrationRun[], options: Json): void {
  if (options.json) output.data(renderJson(runs));
  else if (runs.length === 0) output.talk('There is nothing to do.');
  else output.data(renderTable(runs.map((run) => [run.direction, nameOf(run), `${run.durationMs} ms`])));
}
