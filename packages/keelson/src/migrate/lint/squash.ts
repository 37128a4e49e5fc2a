/** Squash: many revisions become one that makes the same, and says which it replaces. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, systemClock } from '../../clock.ts';
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { checkedSlug, idAt } from '../file-name.ts';
import { readRevisions } from '../folder.ts';
import { writeLock } from '../lock-file.ts';
import { difference, readCatalog } from '../plan/differ.ts';
import { plan, type PlannedFile } from '../plan/plan.ts';
import type { Shadows } from '../plan/shadow.ts';
import { COLUMN_ORDER, differences, type Snapshot, withoutColumnOrder } from '../plan/snapshot.ts';
import { parseRevision, type Revision } from '../revision.ts';
import { stepsOf } from '../steps.ts';
import { namesIn, withColumnsInOrder } from './column-order.ts';
import { Replay } from './replay.ts';

/** What to squash. */
export interface SquashRequest {
  readonly shadows: Shadows;
  readonly directory: string;
  readonly namespace: string;
  /** What the new revision is called, in words. */
  readonly name: string;
  /** Whether what revisions did to rows may be left out. */
  readonly acceptData?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** What came of it. */
export interface Squashed {
  /** The path of the new revision. */
  readonly file: string;
  /** The paths of the revisions that it replaces, which are gone. */
  readonly removed: readonly string[];
}

/**
 * Replaces all revisions of a folder by one that was proved to make the same database. A database that has them all takes it as applied.
 *
 * @throws USAGE when there is nothing to squash, or rows would be left out; PLANNER_MISSING; PLAN_FAILED; MIGRATION_NOT_PROVED
 */
export async function squash(request: SquashRequest): Promise<Squashed> {
  const { shadows, directory, namespace } = request;
  const revisions = await readRevisions(directory);
  const slug = checkedSlug(request.name, 'Say in a few words what it is, as in: base of 2026.');
  if (revisions.length < 2) {
    throw new KeelsonError('USAGE', {
      message: `${directory} has ${revisions.length === 1 ? 'one revision' : 'no revisions'}; there is nothing to squash.`,
      hint: 'Squash when there are many.',
    });
  }
  const replay = new Replay(shadows, revisions, namespace);
  try {
    const head = await replay.snapshotAt(revisions.length);
    if (request.acceptData !== true) refuseData(revisions, await replay.ask(revisions.length, tablesWithRows));
    const id = nextId(revisions, request.clock ?? systemClock);
    const planned = await planWhole(request, { replay, revisions, id, head });
    const fresh = withReplaces(planned, { directory, id, slug, revisions });
    await proveSame(request, fresh.revision, head);
    return await replaceFiles(directory, fresh, revisions);
  } finally {
    await replay.close();
  }
}

/** Catalogs tell nothing of rows: those that revisions put in would be missing in every new database. */
function refuseData(revisions: readonly Revision[], filled: readonly string[]): void {
  const code = revisions.filter((revision) => revision.code !== undefined).map((revision) => basename(revision.file));
  const reasons = [
    ...(code.length === 0 ? [] : [`${code.join(', ')} ${code.length === 1 ? 'is' : 'are'} written in TypeScript`]),
    ...(filled.length === 0 ? [] : [`revisions put rows into ${filled.join(', ')}`]),
  ];
  if (reasons.length === 0) return;
  throw new KeelsonError('USAGE', {
    message: `A squash keeps no rows, but ${reasons.join(', and ')}.`,
    hint: 'Squash with --accept-data, and add what new databases need as a revision after it.',
  });
}

async function tablesWithRows(connection: Connection): Promise<readonly string[]> {
  const tables = await connection.command(`
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relname <> 'keelson_migrations'
      and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by 1`);
  const names = tables.rows.map(([name]) => name ?? '');
  const asked = await Promise.all(
    names.map((name) => connection.query({ text: `select 1 from ${name} limit 1`, name: undefined, values: [] })),
  );
  return names.filter((_, place) => (asked[place]?.rows.length ?? 0) > 0);
}

/** After every other, even where someone dated one into the future. */
function nextId(revisions: readonly Revision[], clock: Clock): string {
  const now = idAt(clock.now());
  const last = revisions.at(-1)?.id ?? '';
  if (now > last) return now;
  const [, year, month, day, hour, minute] = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})$/.exec(last) ?? [];
  const minuteAfter = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute) + 1);
  return idAt(new Date(minuteAfter));
}

interface Whole {
  readonly replay: Replay;
  readonly revisions: readonly Revision[];
  readonly id: string;
  readonly head: Snapshot;
}

/** The comparer says what makes the head out of nothing; the planner makes a revision of it that can be read, and proves it. */
async function planWhole({ shadows, namespace, name }: SquashRequest, { replay, revisions, id, head }: Whole): Promise<PlannedFile> {
  const nothing = new Replay(shadows, [], namespace);
  try {
    const from = await readCatalog((await nothing.at(0)).url);
    const to = await readCatalog((await replay.at(revisions.length)).url);
    const changes = difference(from, to).filter(({ isOwnRight }) => !isOwnRight);
    const fallback = uuidFallbackOf(revisions);
    const statements = changes.map(({ sql }) => sql).filter((sql) => fallback.length === 0 || !MAKES_UUID.test(sql));
    const target = [...fallback, ...withColumnsInOrder([...new Set(statements)], ordersIn(head))];
    const planned = await plan({ shadows, revisions: [], namespace, target, name, id });
    const [file, second] = planned.kind === 'plan' ? planned.files : [];
    if (file !== undefined && second === undefined) return file;
    throw new KeelsonError('PLAN_FAILED', { message: `The revisions make nothing that one revision could make: ${planned.kind}.` });
  } finally {
    await nothing.close();
  }
}

const MAKES_UUID = /^create (?:or replace )?function \S*"?uuidv7"?\(\)/i;

/** What makes `uuidv7()` where the server has none; whether it does, the catalog of one server cannot tell for the others. */
function uuidFallbackOf(revisions: readonly Revision[]): readonly string[] {
  const statements = revisions.flatMap((revision) => stepsOf(revision, 'up').flatMap((step) => step.statements));
  const fallback = statements.find(({ text, words }) => words[0] === 'do' && text.includes('uuidv7() returns uuid'));
  return fallback === undefined ? [] : [fallback.text];
}

function ordersIn(snapshot: Snapshot): ReadonlyMap<string, readonly string[]> {
  const entries = [...snapshot].filter(([key]) => key.startsWith(COLUMN_ORDER));
  return new Map(entries.map(([key, list]) => [key.slice(COLUMN_ORDER.length).replaceAll('"', ''), namesIn(list)]));
}

interface Fresh {
  readonly file: string;
  readonly text: string;
  readonly revision: Revision;
}

function withReplaces(
  planned: PlannedFile,
  {
    directory,
    id,
    slug,
    revisions,
  }: { readonly directory: string; readonly id: string; readonly slug: string; readonly revisions: readonly Revision[] },
): Fresh {
  const file = join(directory, `${id}_${slug}.sql`);
  // A squash among them stands for those it replaced: a database takes that one over before this one reaches it, or is refused.
  const replaces = `-- replaces: ${revisions.map((revision) => revision.id).join(' ')}`;
  const text = planned.text.replace(/^[ \t]*--[ \t]*up[ \t]*$/im, (marker) => `${replaces}\n\n${marker}`);
  return { file, text, revision: parseRevision(file, text) };
}

/** But for the order of columns, which nothing depends on that names them. */
async function proveSame({ shadows, namespace }: SquashRequest, revision: Revision, head: Snapshot): Promise<void> {
  const alone = new Replay(shadows, [revision], namespace);
  try {
    const found = differences(withoutColumnOrder(await alone.snapshotAt(1)), withoutColumnOrder(head));
    if (found.length === 0) return;
    throw new KeelsonError('MIGRATION_NOT_PROVED', {
      message: `The squashed revision does not make what the revisions make: ${found.slice(0, 5).join('; ')}.`,
      hint: 'Nothing was written. Squash by hand: write the revision yourself, with `-- replaces:` and the ids above `-- up`.',
    });
  } finally {
    await alone.close();
  }
}

/** The new file first: whoever is cut off between has both, which `up` refuses, rather than neither. */
async function replaceFiles(directory: string, { file, text, revision }: Fresh, revisions: readonly Revision[]): Promise<Squashed> {
  const unfinished = join(directory, `.${basename(file)}.tmp`);
  await writeFile(unfinished, text, { flush: true });
  await rename(unfinished, file);
  for (const old of revisions) await rm(old.file);
  await writeLock(directory, [revision]);
  return { file, removed: revisions.map((old) => old.file) };
}
