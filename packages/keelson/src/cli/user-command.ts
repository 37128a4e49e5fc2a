/** The command group `user`: what can be said to it; what it does is loaded when it is said. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, Run, WholeApp } from './context.ts';
import type * as users from './users.ts';

type Actions = typeof users;

const LIMIT = 100;
const LIMIT_MAX = 1_000;

/** Adds the group. */
export function addUser(program: Command, context: Context, { run, whole }: { readonly run: Run; readonly whole: WholeApp }): void {
  const act = (action: (actions: Actions) => Promise<void>): Promise<void> => run(async () => action(await import('./users.ts')));
  const group = program
    .command('user')
    .description('make the first superuser, and administer users')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
There is no default user and no default password: the first superuser is made here.
A password is asked for twice, unseen; it is never an argument, which every user of the machine could read. For a script:
printf '%s' "$PASSWORD" | keelson user set-password ada@example.org --password-stdin`,
    );
  group
    .command('create-superuser <email>')
    .description('add a user who may do everything')
    .addOption(passwordStdin())
    .addOption(json())
    .action((email: string, options: users.PasswordOptions) =>
      act((actions) => actions.createSuperuser(context, whole, { email, ...options })),
    );
  group
    .command('deactivate <email>')
    .description("take a user's right to sign in, and end every session")
    .addOption(json())
    .action((email: string, options: users.Json) => act((actions) => actions.deactivate(context, whole, { email, ...options })));
  group
    .command('set-password <email>')
    .description('set a password without asking for the old one, and end every session')
    .addOption(passwordStdin())
    .addOption(json())
    .action((email: string, options: users.PasswordOptions) =>
      act((actions) => actions.setPassword(context, whole, { email, ...options })),
    );
  group
    .command('list')
    .description('print the users, oldest first')
    .addOption(new Option('--limit <n>', 'at most so many').default(LIMIT).argParser(parseWhole(1, LIMIT_MAX)))
    .addOption(new Option('--offset <n>', 'leave out so many').default(0).argParser(parseWhole(0, Number.MAX_SAFE_INTEGER)))
    .addOption(json())
    .action((options: users.ListOptions) => act((actions) => actions.list(context, whole, options)));
}

function passwordStdin(): Option {
  return new Option('--password-stdin', 'read the password from standard input: its first line');
}

function json(): Option {
  return new Option('--json', 'print JSON');
}

function parseWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`It is not a whole number from ${min} to ${max}`);
    return value;
  };
}
