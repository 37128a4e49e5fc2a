/** The command group `migrate`: what can be said to it; what it does is loaded when it is said. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, Run } from './context.ts';
import type * as checks from './migrate-checks.ts';
import type { NewOptions } from './migrate-new.ts';
import type * as migrations from './migrations.ts';

interface Json {
  readonly json?: true;
}

interface Yes {
  readonly yes?: string;
}

const HISTORY_LIMIT = 100;
const LIMIT_MAX = 10_000;
const ANSWERS_MAX = 1_000;

/** Adds the group. */
export function addMigrate(program: Command, context: Context, run: Run): void {
  const act: Act = (action) => run(async () => action(await import('./migrations.ts')));
  const group = program
    .command('migrate')
    .description('make, run and inspect the migrations of the app')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A revision is named by its id (20261120T1030) or its file; base is before the first, head is the last.
The database is DIRECT_DATABASE_URL, else DATABASE_URL, else the embedded server of the app, which is started for the command
unless the app runs. What is planned and checked is tried in databases that are thrown away: on SHADOW_DATABASE_URL, else on that
server outside of production and staging when its user may make some, else on the embedded one.`,
    );
  addMaking(group, context, run);
  addChanging(group, context, act);
  addInspecting(group, context, act);
  addChecking(group, context, run);
  addMending(group, context, act);
}

type Act = (action: (actions: typeof migrations) => Promise<number | void>) => Promise<void>;

/** None of this is loaded where migrations are only run. */
function addMaking(group: Command, context: Context, run: Run): void {
  group
    .command('new <title...>')
    .description('write the next revision, made from the tables and proved up, down and up again; 2 when something has to be asked')
    .addOption(several('--rename <from:to>', 'what was renamed: users.nick:handle, users:people, status.old:new, schema a:b'))
    .addOption(several('--drop <name>', 'what may go, with its data: users.nick, users, status.old'))
    .addOption(new Option('--empty <kind>', 'plan nothing: write one to be filled by hand, in SQL or TypeScript').choices(['sql', 'ts']))
    .addOption(json())
    .action((title: readonly string[], options: NewOptions) =>
      run(async () => (await import('./migrate-new.ts')).writeNew(context, title.join(' '), options)),
    );
  group
    .command('squash <title...>')
    .description('replace all revisions by one that was proved to make the same')
    .option('--accept-data', 'also when revisions put rows into tables, which the new one does not')
    .addOption(json())
    .action((title: readonly string[], options: Json & { readonly acceptData?: true }) =>
      run(async () => (await import('./migrate-checks.ts')).squash(context, title.join(' '), options)),
    );
}

function addChanging(group: Command, context: Context, act: Act): void {
  group
    .command('up')
    .description('apply what is pending')
    .option('--to <id>', 'up to and with this revision')
    .addOption(new Option('--phase <phase>', 'expand stops before a revision that takes something away').choices(['expand', 'contract']))
    .addOption(json())
    .action((options: Json & { readonly to?: string; readonly phase?: 'expand' | 'contract' }) =>
      act((actions) => actions.up(context, options)),
    );
  group
    .command('down [n|id|base]')
    .description('take back the last n revisions, all after one, or, with the word base, all')
    .addOption(json())
    .action((to: string | undefined, options: Json) => act((actions) => actions.down(context, to, options)));
  group
    .command('redo [n|id]')
    .description('take back the last revision, the last n, or all after one, and apply the same again')
    .addOption(json())
    .action((to: string | undefined, options: Json) => act((actions) => actions.redo(context, to, options)));
  group
    .command('to <id>')
    .description('go to a revision, up or down')
    .addOption(json())
    .action((id: string, options: Json) => act((actions) => actions.goTo(context, id, options)));
}

function addInspecting(group: Command, context: Context, act: Act): void {
  group
    .command('current')
    .description('print the newest revision that is applied, or base')
    .addOption(json())
    .action((options: Json) => act((actions) => actions.current(context, options)));
  group
    .command('history')
    .description('print what was run, newest first')
    .addOption(new Option('--limit <n>', 'at most so many lines').default(HISTORY_LIMIT).argParser(parseLimit))
    .addOption(json())
    .action((options: Json & { readonly limit: number }) => act((actions) => actions.history(context, options)));
  group
    .command('status')
    .description('print what is applied and what is pending; exit code 1 when files and database contradict each other')
    .addOption(json())
    .action((options: Json) => act((actions) => actions.status(context, options)));
  group
    .command('sql <from:to>')
    .description('print the SQL from one revision to another, to be run by hand; asks no server')
    .addHelpText('after', '\nExamples: sql base:head, sql 20261120T1030:head, sql head:base')
    .action((range: string) => act((actions) => actions.printSql(context, range)));
}

function addChecking(group: Command, context: Context, run: Run): void {
  const act = (action: (actions: typeof checks) => Promise<number | void>): Promise<void> =>
    run(async () => action(await import('./migrate-checks.ts')));
  group
    .command('check')
    .description('for CI: lock file, replay, tables, every revision up, down and up, lint; exit code 1 when something is wrong')
    .addOption(json())
    .action((options: Json) => act((actions) => actions.check(context, options)));
  group
    .command('lint [id...]')
    .description('print what revisions would do to the service that runs, and the safe way; exit code 1 when one must not go on like that')
    .addOption(json())
    .action((ids: readonly string[], options: Json) => act((actions) => actions.lint(context, ids, options)));
  group
    .command('drift')
    .description('print where the database differs from its revisions; exit code 1 when it does')
    .addOption(json())
    .action((options: Json) => act((actions) => actions.drift(context, options)));
}

function addMending(group: Command, context: Context, act: Act): void {
  group
    .command('stamp <id>')
    .description('write into the history that the revisions up to one are applied, and no other; runs nothing')
    .addOption(yes())
    .addOption(json())
    .action((id: string, options: Json & Yes) => act((actions) => actions.stamp(context, id, options)));
  group
    .command('repair')
    .description('make lock file and history say what the files say; runs nothing')
    .addOption(yes())
    .addOption(json())
    .action((options: Json & Yes) => act((actions) => actions.repair(context, options)));
}

function json(): Option {
  return new Option('--json', 'print JSON');
}

function yes(): Option {
  return new Option('--yes <name>', 'the name of the database: it is confirmed, where that is asked for');
}

/** An option that may be said again and again. */
function several(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be said several times`).argParser(
    (value: string, before: readonly string[] | undefined) => {
      if (value === '' || value.startsWith('-')) throw new InvalidArgumentError('It is not a name');
      if ((before?.length ?? 0) >= ANSWERS_MAX) throw new InvalidArgumentError(`It is said more than ${ANSWERS_MAX} times`);
      return [...(before ?? []), value];
    },
  );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new InvalidArgumentError(`It is not a whole number from 1 to ${LIMIT_MAX}`);
  return limit;
}
