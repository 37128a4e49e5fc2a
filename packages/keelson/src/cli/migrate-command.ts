/** The command group `migrate`: what can be said to it; what it does is loaded when it is said. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, Run } from './context.ts';
import type * as migrations from './migrations.ts';

type Actions = typeof migrations;

interface Json {
  readonly json?: true;
}

const HISTORY_LIMIT = 100;
const LIMIT_MAX = 10_000;

/** Adds the group. */
export function addMigrate(program: Command, context: Context, run: Run): void {
  const act = (action: (actions: Actions) => Promise<number | void>): Promise<void> =>
    run(async () => action(await import('./migrations.ts')));
  const group = program
    .command('migrate')
    .description('make, run and inspect the migrations of the app')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A revision is named by its id (20261120T1030) or its file; base is before the first, head is the last.
The database is DIRECT_DATABASE_URL, else DATABASE_URL, else the embedded server of the app, which is started for the command
unless the app runs.`,
    );
  addChanging(group, context, act);
  addInspecting(group, context, act);
}

type Act = (action: (actions: Actions) => Promise<number | void>) => Promise<void>;

function addChanging(group: Command, context: Context, act: Act): void {
  group
    .command('new <title...>')
    .description('write the first revision, made from the tables of the app')
    .addOption(json())
    .action((title: readonly string[], options: Json) => act((actions) => actions.writeNew(context, title.join(' '), options)));
  group
    .command('up')
    .description('apply what is pending')
    .option('--to <id>', 'up to and with this revision')
    .addOption(json())
    .action((options: Json & { readonly to?: string }) => act((actions) => actions.up(context, options)));
  group
    .command('down [n|id|base]')
    .description('take back the last n revisions, all after one, or, with the word base, all')
    .addOption(json())
    .action((to: string | undefined, options: Json) => act((actions) => actions.down(context, to, options)));
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

function json(): Option {
  return new Option('--json', 'print JSON');
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new InvalidArgumentError(`It is not a whole number from 1 to ${LIMIT_MAX}`);
  return limit;
}
