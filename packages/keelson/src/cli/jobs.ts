/** What the commands of `jobs` do. */
import { KeelsonError } from '../errors.ts';
import { CHANGED_MAX, type JobChoice, pauseQueue, redriveJobs, resumeQueue, retryJobs, type SqlUnit } from '../queue/job-admin.ts';
import { JobDesk, type JobState } from '../queue/job-desk.ts';
import { jobs as jobTable, queuePauses } from '../queue/jobs.ts';
import { workChannel } from '../queue/listen.ts';
import { sql, Statements } from '../schema/sql.ts';
import { tableInfo } from '../schema/table.ts';
import { openDatabase } from '../work/database.ts';
import type { Context } from './context.ts';
import { withConnection } from './database.ts';
import { plainText, renderJson, renderTable } from './output.ts';
import { talkLog } from './talk.ts';

/** What every command of the group takes. */
export interface Json {
  readonly json?: true | undefined;
}

/** Which jobs are meant. */
export interface ChoiceOptions extends Json {
  readonly queue?: string | undefined;
  readonly kind?: string | undefined;
}

/** What `list` takes. */
export interface ListOptions extends ChoiceOptions {
  readonly state?: JobState;
  readonly limit: number;
}

/**
 * Prints each queue with how many of its jobs wait, run and are dead.
 *
 * @throws USAGE when the app has no jobs, and what a connection throws
 */
export async function queues(context: Context, { json }: Json): Promise<void> {
  const { output, app } = context;
  const standing = await withDesk(context, (desk) => desk.queues());
  const empty = app.queues
    .filter((queue) => !standing.some((facts) => facts.queue === queue))
    .map((queue) => ({ queue, waiting: 0, later: 0, running: 0, dead: 0, oldestS: null, isPaused: false }));
  const all = [...standing, ...empty].toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
  if (json) output.data(renderJson(all));
  else
    output.data(
      renderTable([
        ['QUEUE', 'WAITING', 'LATER', 'RUNNING', 'DEAD', 'OLDEST', ''],
        ...all.map(({ queue, waiting, later, running, dead, oldestS, isPaused }) => [
          plainText(queue),
          ...[waiting, later, running, dead].map(String),
          oldestS === null ? '-' : `${oldestS} s`,
          isPaused ? 'paused' : '',
        ]),
      ]),
    );
}

/**
 * Prints jobs, the newest first.
 *
 * @throws USAGE when the app has no jobs, and what a connection throws
 */
export async function list(context: Context, { queue, kind, state, limit, json }: ListOptions): Promise<void> {
  const { output } = context;
  const found = await withDesk(context, (desk) => desk.list({ queue, kind, state }, limit));
  if (json) output.data(renderJson(found));
  else if (found.length === 0) output.talk('There are no such jobs.');
  else
    output.data(
      renderTable([
        ['ID', 'QUEUE', 'KIND', 'STATE', 'ATTEMPTS', 'AVAILABLE', 'ERROR'],
        ...found.map((job) => [
          ...[job['id'], job['queue'], job['kind'], job['state']].map((value) => plainText(String(value))),
          `${String(job['attempts'])}/${String(job['attempts_max'])}`,
          String(job['available_at']),
          errorOf(job['last_error']),
        ]),
      ]),
    );
  if (found.length === limit) output.talk(`There may be more: --limit ${limit * 2}`);
}

/**
 * Lets jobs be tried at once.
 *
 * @throws USAGE when the app has no jobs, NOT_FOUND when none of them waits or is dead
 */
export async function retry(context: Context, ids: readonly string[], { json }: Json): Promise<void> {
  const retried = await change(context, async (unit) => [...(await retryJobs(unit, { ids })), ...(await redriveJobs(unit, { ids }))]);
  if (retried.length === 0)
    throw new KeelsonError('NOT_FOUND', {
      message: 'None of these jobs waits or is dead.',
      hint: 'A job that runs is left to its process, and one that has succeeded is gone: jobs list shows what there is.',
    });
  const missed = ids.filter((id) => !retried.includes(id));
  tell(context, { ids: retried }, { json, says: `${retried.length} of ${ids.length} will be tried at once.` });
  if (missed.length > 0 && json !== true) context.output.talk(`Not these, which run, or are gone: ${missed.join(', ')}`);
}

/**
 * Wakes dead jobs.
 *
 * @throws USAGE when it is not said which
 */
export async function redrive(
  context: Context,
  ids: readonly string[],
  options: ChoiceOptions & { readonly all?: true | undefined },
): Promise<void> {
  const { json } = options;
  const choice = choiceOf(ids, options);
  let count = 0;
  let woken: number;
  do {
    // Each is woken once: what stays dead is not among those that are left.
    woken = (await change(context, (unit) => redriveJobs(unit, choice))).length;
    count += woken;
  } while (woken === CHANGED_MAX);
  tell(context, { count }, { json, says: `${count} dead ${count === 1 ? 'job lives' : 'jobs live'} again.` });
}

/** Pauses a queue in every process. */
export async function pause(context: Context, queue: string, { json }: Json): Promise<void> {
  refuseUnknown(context, queue);
  await change(context, (unit) => pauseQueue(unit, queue));
  tell(context, { queue, isPaused: true }, { json, says: `Nothing is taken from ${queue} any more; what runs ends.` });
}

/** Lets a queue go on. */
export async function resume(context: Context, queue: string, { json }: Json): Promise<void> {
  const wasPaused = await change(context, (unit) => resumeQueue(unit, queue));
  tell(context, { queue, isPaused: false, wasPaused }, { json, says: wasPaused ? `${queue} goes on.` : `${queue} was not paused.` });
}

function choiceOf(ids: readonly string[], { queue, kind, all }: ChoiceOptions & { readonly all?: true | undefined }): JobChoice {
  const choices: JobChoice[] = [
    ...(ids.length === 0 ? [] : [{ ids }]),
    ...(kind === undefined ? [] : [{ kind }]),
    ...(queue === undefined ? [] : [{ queue }]),
    ...(all === true ? [{ all }] : []),
  ];
  const [choice, ...more] = choices;
  if (choice !== undefined && more.length === 0) return choice;
  throw new KeelsonError('USAGE', {
    message: choice === undefined ? 'It is not said which jobs.' : 'It is said in several ways which jobs.',
    hint: 'Name ids, or --kind, or --queue, or --all.',
  });
}

async function withDesk<T>(context: Context, block: (desk: JobDesk) => Promise<T>): Promise<T> {
  const { namespace } = refuseWithout(context);
  return withConnection(context, (connection) => block(new JobDesk({ query: connection.query.bind(connection), namespace })));
}

/** Changes jobs in a unit of work, and wakes the processes that may have something to do by that. */
async function change<T>(context: Context, block: (unit: SqlUnit) => Promise<T>): Promise<T> {
  const { namespace, model } = refuseWithout(context);
  return withConnection(context, async (connection, postgres) => {
    const changed = await openDatabase(model, postgres, { log: talkLog(context) }).work(block);
    const wake = sql`select pg_notify(${workChannel(namespace)}, ${`${tableInfo(jobTable).name}\nback`})`;
    await connection.query(new Statements(namespace, { named: false }).compile(wake));
    return changed;
  });
}

function refuseWithout({ app }: Context): Context['app'] {
  const names = new Set(app.tables.map((table) => tableInfo(table).name));
  if ([jobTable, queuePauses].every((table) => names.has(tableInfo(table).name))) return app;
  throw new KeelsonError('USAGE', {
    message: `${app.name} has no jobs.`,
    hint: 'An app that has lists `jobs`, `schedules` and `queuePauses` of keelson/queue among its tables.',
  });
}

function refuseUnknown({ app }: Context, queue: string): void {
  if (app.queues.includes(queue)) return;
  throw new KeelsonError('USAGE', { message: `There is no queue ${queue}.`, hint: `There are: ${app.queues.join(', ') || 'none'}.` });
}

function errorOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return '';
  return plainText(`${String(error.code)}: ${String(error.message)}`).replaceAll(/\s+/gu, ' ');
}

function tell({ output }: Context, facts: object, { json, says }: Json & { readonly says: string }): void {
  if (json) output.data(renderJson(facts));
  else output.talk(says);
}
