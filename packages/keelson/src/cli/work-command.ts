/** The commands `workers` and `jobs`: what can be said to them; what they do is loaded when it is said. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, Run } from './context.ts';
import type * as jobs from './jobs.ts';

type Actions = typeof jobs;

const LIMIT = 50;
const LIMIT_MAX = 1_000;

/** Adds both. */
export function addWork(program: Command, context: Context, run: Run): void {
  program
    .command('workers')
    .description('print the processes that run workers, what they hold, and what waits for each worker')
    .addOption(json())
    .action((options: jobs.Json) => run(async () => (await import('./workers.ts')).printWorkers(context, options)));
  const act = (action: (actions: Actions) => Promise<void>): Promise<void> => run(async () => action(await import('./jobs.ts')));
  const group = program.command('jobs').description('look at jobs and queues, try again, wake the dead, pause').helpCommand(false);
  group
    .command('queues')
    .description('print each queue: how many wait, run, and are dead')
    .addOption(json())
    .action((options: jobs.Json) => act((actions) => actions.queues(context, options)));
  group
    .command('list')
    .description('print jobs, the newest first; one that has succeeded is gone')
    .option('--queue <name>', 'only those of a queue')
    .option('--kind <name>', 'only those of a kind')
    .addOption(new Option('--state <state>', 'only those in a state').choices(['waiting', 'later', 'running', 'dead']))
    .addOption(new Option('--limit <n>', `at most so many, ${LIMIT_MAX} at the most`).argParser(parseLimit).default(LIMIT))
    .addOption(json())
    .action((options: jobs.ListOptions) => act((actions) => actions.list(context, options)));
  addChanging(group, context, act);
}

function addChanging(group: Command, context: Context, act: (action: (actions: Actions) => Promise<void>) => Promise<void>): void {
  group
    .command('retry <id...>')
    .description('let jobs that wait for their next attempt, or are dead, be tried at once')
    .addOption(json())
    .action((ids: string[], options: jobs.Json) => act((actions) => actions.retry(context, ids.map(parseId), options)));
  group
    .command('redrive [id...]')
    .description('wake dead jobs, with all their attempts before them')
    .option('--queue <name>', 'those of a queue')
    .option('--kind <name>', 'those of a kind')
    .option('--all', 'all that are dead')
    .addOption(json())
    .action((ids: string[], options: jobs.ChoiceOptions & { readonly all?: true }) =>
      act((actions) => actions.redrive(context, ids.map(parseId), options)),
    );
  group
    .command('pause <queue>')
    .description('let no process take anything from a queue; what runs ends')
    .addOption(json())
    .action((queue: string, options: jobs.Json) => act((actions) => actions.pause(context, queue, options)));
  group
    .command('resume <queue>')
    .description('let a paused queue go on')
    .addOption(json())
    .action((queue: string, options: jobs.Json) => act((actions) => actions.resume(context, queue, options)));
}

function json(): Option {
  return new Option('--json', 'print JSON');
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new InvalidArgumentError(`It is not a whole number from 1 to ${LIMIT_MAX}`);
  return limit;
}

function parseId(text: string): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu.test(text))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not the id of a job`);
  return text.toLowerCase();
}
