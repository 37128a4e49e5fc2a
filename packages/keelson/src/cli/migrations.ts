/** What the commands of `migrate` do. */
import { KeelsonError } from '../errors.ts';
import { readRevisions } from '../migrate/folder.ts';
import { nameOf, placeOf } from '../migrate/reference.ts';
import { type MigrationRun, Migrator } from '../migrate/runner.ts';
import { type Context, shownPath } from './context.ts';
import { exitCodes } from './failure.ts';
import { withConnection } from './database.ts';
import { renderJson, renderTable } from './output.ts';
import { talkLog } from './talk.ts';

interface Json {
  readonly json?: true;
}

/** Writes the first revision from the tables. */
export async function writeNew(context: Context, name: string, options: Json): Promise<void> {
  const { app, output } = context;
  const { writeFirstRevision } = await import('../migrate/render.ts');
  const { namespace, tables } = app;
  const file = await writeFirstRevision(app.migrationsDirectory, { name, namespace, tables });
  output.data(options.json ? renderJson({ file }) : shownPath(file));
}

/** Applies what is pending. */
export async function up(context: Context, options: Json & { readonly to?: string }): Promise<void> {
  printRuns(context, await withMigrator(context, (migrator) => migrator.up({ to: options.to })), options);
}

/** Takes back a number of revisions, all after one, or all. */
export async function down(context: Context, to: string | undefined, options: Json): Promise<void> {
  const target = to !== undefined && /^\d{1,6}$/.test(to) ? Number(to) : to;
  printRuns(context, await withMigrator(context, (migrator) => migrator.down({ to: target })), options);
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
      return [found.halfWay?.id === revision.id ? `half-way ${found.halfWay.direction}` : standing, nameOf(revision)];
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
  return withConnection(context, (connection) =>
    block(new Migrator({ connection, revisions, namespace: app.namespace, log: talkLog(context) })),
  );
}

function printRuns({ output }: Context, runs: readonly MigrationRun[], options: Json): void {
  if (options.json) output.data(renderJson(runs));
  else if (runs.length === 0) output.talk('There is nothing to do.');
  else output.data(renderTable(runs.map((run) => [run.direction, nameOf(run), `${run.durationMs} ms`])));
}
