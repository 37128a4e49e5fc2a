/** The command group `db`: what can be said to it; what it does is loaded when it is said. */
import { type Command, Option } from 'commander';
import type { Context, Run, WholeApp } from './context.ts';
import type { SqlOptions } from './sql-session.ts';

interface Json {
  readonly json?: true;
}

interface Confirmed extends Json {
  readonly yes?: string;
}

/** Adds the group. */
export function addDb(program: Command, context: Context, { run, whole }: { readonly run: Run; readonly whole: WholeApp }): void {
  const group = program
    .command('db')
    .description('make, empty, fill and question the database of the app')
    .helpCommand(false)
    .addHelpText('after', '\nThe database is DIRECT_DATABASE_URL, else DATABASE_URL, else that of the embedded server.');
  group
    .command('create')
    .description('make the database of DATABASE_URL where it is missing; the embedded server makes its own')
    .option('--json', 'print JSON')
    .action((options: Json) => run(async () => (await import('./db.ts')).create(context, options)));
  group
    .command('migrate')
    .description('apply what is pending, as migrate up does')
    .option('--json', 'print JSON')
    .action((options: Json) => run(async () => (await import('./migrations.ts')).up(context, options)));
  group
    .command('reset')
    .description("delete everything of the app in its database and migrate up again; other apps' data stays")
    .option('--yes <name>', 'the name of the database: where no one can be asked, that it is meant')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nRefused in production and staging. On a terminal it asks for the name of the database.')
    .action((options: Confirmed) => run(async () => (await import('./db-reset.ts')).reset(context, options)));
  group
    .command('seed')
    .description("fill the database by the app's seed function, after migrating as a start does")
    .option('--yes <name>', 'the name of the database: needed in production and staging')
    .action((options: Confirmed) => run(async () => (await import('./db.ts')).seed(context, whole, options)));
  addSql(group, context, run);
}

function addSql(group: Command, context: Context, run: Run): void {
  group
    .command('sql [query]')
    .description('run SQL: the query given, or what is piped in, or line by line on a terminal')
    .addOption(
      new Option('--json', "print each result as JSON, an array of objects on a line; keys are the columns' names").conflicts('csv'),
    )
    .option('--csv', 'print each result as CSV')
    .option('--write', 'may change data in production and staging too')
    .addHelpText(
      'after',
      `
Each statement is committed by itself unless it stands between begin and commit; the first that fails ends it.
Also understood, as in psql: \\dt tables, \\d <table>, \\dn schemas, \\l databases, \\? help, \\q quit.
Examples: db sql "select count(*) from users", db sql '\\dt', db sql < report.sql`,
    )
    .action((query: string | undefined, options: SqlOptions) =>
      run(async () => (await import('./sql.ts')).runSql(context, query, options)),
    );
}
