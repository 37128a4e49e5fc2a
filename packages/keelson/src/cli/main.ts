/** The program of an app: reads the command line, runs the command, and ends with its exit code. */
import type { Declarations } from '../config/declaration.ts';
import { type EnvironmentVariables, processEnvironment } from '../config/environment.ts';
import type { App } from '../http/app.ts';
import type { Repositories } from '../work/model.ts';
import { appDirectory, type Context, migrationsPath, type WholeApp } from './context.ts';
import { describeFailure, exitCodeOf } from './failure.ts';
import { type Input, processInput } from './input.ts';
import { type Output, processOutput } from './output.ts';
import { sourceOf } from '../queue/targets.ts';
import { runProgram } from './program.ts';

/** What a program has around it. */
export interface Surroundings {
  readonly output: Output;
  readonly environment: EnvironmentVariables;
  readonly input: Input;
}

const LINGER_MS = 1_000;

/**
 * Runs a command of an app, by default the one that this process was started with. Everything there is: `node app.ts --help`.
 *
 * The process ends with 0 when it went well, 1 when it failed, and 2 when the command was not understood.
 *
 * @example
 * import { main } from 'keelson/cli';
 * import { baseSettings, defineSettings } from 'keelson/config';
 * import { defineApp } from 'keelson/http';
 * import { defineModel } from 'keelson/work';
 * export const notes = defineApp({
 *   name: 'notes', version: '1.0.0', model: defineModel({ name: 'notes', tables: [], repositories: {} }),
 *   settings: defineSettings(baseSettings), migrationsDirectory: new URL('./migrations', import.meta.url),
 *   services: () => ({}), routes: [],
 * });
 * if (import.meta.main) void main(notes);
 */
export async function main<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const output = processOutput();
  endWith(await runCommand(app, argv, { output, environment: processEnvironment(), input: processInput() }), output);
}

/** Says what failed, and gives the exit code. */
export function fail(error: unknown, { output, environment }: Omit<Surroundings, 'input'>): number {
  const { title, text } = describeFailure(error, /^(?:1|true|yes|on)$/i.test(environment['DEBUG'] ?? ''));
  output.talk(`${output.paint.talk('red', title)} ${text}`);
  return exitCodeOf(error);
}

/** Ends the process by itself when nothing is left to do, and soon even when something is. */
export function endWith(exitCode: number, output: Output): void {
  process.exitCode = exitCode;
  const end = (): void => {
    output.talk(`Ended although something is still open: ${process.getActiveResourcesInfo().join(', ')}.`);
    process.exit(exitCode);
  };
  setTimeout(end, LINGER_MS).unref();
}

/** Runs a command, says what failed, and gives the exit code. */
export async function runCommand<R extends Repositories, S, D extends Declarations>(
  app: App<R, S, D>,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  try {
    const migrationsDirectory = migrationsPath(app.migrationsDirectory);
    const { name, version, description, model, settings, routes, workers = [], jobs } = app;
    const { namespace, tables, objects } = model;
    const context: Context = {
      ...surroundings,
      app: {
        name,
        version,
        description,
        settings,
        namespace,
        tables,
        objects,
        model,
        migrationsDirectory,
        routes,
        workers: workers.map(sourceOf),
        queues: jobs?.names ?? [],
      },
      directory: appDirectory(migrationsDirectory),
    };
    return await runProgram(context, { argv, whole: wholeOf(app, context) });
  } catch (error) {
    return fail(error, surroundings);
  }
}

function wholeOf<R extends Repositories, S, D extends Declarations>(app: App<R, S, D>, context: Context): WholeApp {
  const { seed } = app;
  return {
    serve: async () => {
      const { serveApp } = await import('./serve.ts');
      await serveApp(app, context);
    },
    work: async () => {
      const { workApp } = await import('./work.ts');
      await workApp(app, context);
    },
    seed:
      seed === undefined
        ? undefined
        : async () => {
            const { withStanding } = await import('./standing.ts');
            await withStanding(app, context, seed);
          },
    withServices: async (block) => {
      const { withStanding } = await import('./standing.ts');
      return withStanding(app, context, ({ services }) => block(services));
    },
  };
}
