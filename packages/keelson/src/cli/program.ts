/** The command line of an app: which commands there are, and what each loads when it is asked for. */
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { workingDirectory } from '../config/environment.ts';
import { KeelsonError } from '../errors.ts';
import type { Context, Run, WholeApp } from './context.ts';
import { addDb } from './db-command.ts';
import type { UpdatePlace } from './deps.ts';
import { addDeps } from './deps-command.ts';
import { exitCodes } from './failure.ts';
import { addMigrate } from './migrate-command.ts';
import type { Output } from './output.ts';
import { addUser } from './user-command.ts';
import { addWork } from './work-command.ts';

/** What is run. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly whole: WholeApp;
}

/**
 * Runs the command that a command line names, and gives its exit code.
 *
 * @throws USAGE when it was not understood, and what the command throws
 */
export async function runProgram(context: Context, invocation: Invocation): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const run: Run = async (action) => {
    exitCode = (await action()) ?? exitCodes.ok;
  };
  await parse(buildProgram(context, invocation.whole, run), invocation.argv, (code) => {
    exitCode = code;
  });
  return exitCode;
}

/**
 * Runs a command of the project that needs no app, and gives its exit code.
 *
 * @throws USAGE when it was not understood, and what the command throws
 */
export async function runProjectProgram(place: UpdatePlace, argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const run: Run = async (action) => {
    exitCode = (await action()) ?? exitCodes.ok;
  };
  const program = bareProgram(place.output).description('What needs no app. In the folder of an app there are more commands.');
  addDeps(program, place, run);
  await parse(program, argv, (code) => {
    exitCode = code;
  });
  return exitCode;
}

async function parse(program: Command, argv: readonly string[], end: (exitCode: number) => void): Promise<void> {
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help was asked for, or is the answer to a command that leaves the rest unsaid.
    const isHelp = error.code.startsWith('commander.help') || error.code === 'commander.version';
    if (!isHelp) throw misunderstood(error, deepest(program, argv));
    end(error.exitCode === 0 ? exitCodes.ok : exitCodes.wrongUse);
  }
}

function buildProgram(context: Context, whole: WholeApp, run: Run): Command {
  const { app, output } = context;
  const program = bareProgram(output)
    .description(app.description ?? `${app.name}, an app on Keelson.`)
    .version(`${app.name} ${app.version}`, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nExit codes: 0 it went well, 1 it failed, 2 it was not understood, or something has to be asked.\nSettings are read from the environment and from .env in the folder of the app.',
    );
  addRunning(program, whole, run);
  addMigrate(program, context, run);
  addDb(program, context, { run, whole });
  addUser(program, context, { run, whole });
  addWork(program, context, run);
  addInspecting(program, context, run);
  addDeps(program, { folder: context.directory, environment: context.environment, output }, run);
  return program;
}

function bareProgram(output: Output): Command {
  return new Command(programName())
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.data(text.trimEnd()),
      writeErr: (text) => output.talk(text.trimEnd()),
      outputError: () => {
        // It is thrown too, and told in the form of every other failure.
      },
    });
}

function addRunning(program: Command, whole: WholeApp, run: Run): void {
  program
    .command('serve')
    .description('start the app; Ctrl-C stops it in good order, a second one at once')
    .action(() => run(whole.serve));
  program
    .command('worker')
    .description(
      'run the workers of the app without serving, in as many processes as are started; Ctrl-C lets runs end and gives back the rest',
    )
    .action(() => run(whole.work));
  program
    .command('dev')
    .description('start the app, and start it anew when one of its sources changes; Ctrl-C ends it')
    .action(() => run(async () => (await import('./dev.ts')).serveAndWatch()));
}

interface Json {
  readonly json?: true;
}

function addInspecting(program: Command, context: Context, run: Run): void {
  program
    .command('routes')
    .description('print each route of the app: method, path, guard, summary; starts nothing')
    .option('--json', 'print JSON')
    .action((options: Json) => run(async () => (await import('./routes.ts')).printRoutes(context, options)));
  program
    .command('config')
    .description('print each setting with its value and where that comes from; secrets are hidden')
    .option('--json', 'print JSON')
    .action((options: Json) => run(async () => (await import('./config.ts')).printConfig(context, options)));
  program
    .command('doctor')
    .description('look at node, settings, server, migrations, clock, port and disk, and say what to do; 1 when something fails')
    .option('--json', 'print JSON')
    .action((options: Json) => run(async () => (await import('./doctor.ts')).runDoctor(context, options)));
}

/** How a person has called the program, so that the help can be followed to the letter. */
function programName(): string {
  const file = process.argv[1] ?? 'app.ts';
  if (/^keelson(?:\.js)?$/.test(path.basename(file))) return 'keelson';
  return `node ${path.relative(workingDirectory(), file)}`;
}

/** The command that was meant, as far as it was understood. */
function deepest(program: Command, argv: readonly string[]): string {
  const names = [program.name()];
  let at = program;
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    names.push(word);
    at = next;
  }
  return names.join(' ');
}

function misunderstood(error: CommanderError, command: string): KeelsonError {
  // What was one too many may have been meant to be a secret.
  const said = error.code === 'commander.excessArguments' ? error.message.replace(/( but got \d+): [^]*$/, '$1') : error.message;
  const [problem = '', suggestion = ''] = said.replace(/^error: /, '').split('\n');
  const near = /^\((.*)\)$/.exec(suggestion)?.[1];
  return new KeelsonError('USAGE', {
    message: `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`,
    hint: `${near === undefined ? '' : `${near} `}See: ${command} --help`,
  });
}
