/** The `keelson` command: finds the app in a module and runs its program. */
import { pathToFileURL } from 'node:url';
import { processEnvironment, workingDirectory } from '../config/environment.ts';
import type { Declarations } from '../config/declaration.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { type App, isApp } from '../http/app.ts';
import type { Repositories } from '../work/model.ts';
import { shownPath } from './context.ts';
import { endWith, fail, main } from './main.ts';
import { processOutput } from './output.ts';
import { runProjectProgram } from './program.ts';

/** Runs a command of the app that a module exports: the one value in it that `defineApp` made. */
export async function mainOf(file: string, argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  try {
    await main(await loadApp(file), argv);
  } catch (error) {
    const output = processOutput();
    endWith(fail(error, { output, environment: processEnvironment() }), output);
  }
}

/** Runs a command of the project that the current folder belongs to; whether it has an app, and one that can be loaded, is no matter. */
export async function mainOfProject(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const [output, environment] = [processOutput(), processEnvironment()];
  try {
    endWith(await runProjectProgram({ folder: workingDirectory(), environment, output }, argv), output);
  } catch (error) {
    endWith(fail(error, { output, environment }), output);
  }
}

/**
 * The app that a module exports.
 *
 * @throws MISUSE when it exports none or several, or cannot be loaded
 */
export async function loadApp(file: string): Promise<App<Repositories, unknown, Declarations>> {
  const exported = await importModule(file);
  // The same app may be exported under two names.
  const [app, ...others] = new Set(Object.values(exported).filter(isApp));
  if (app !== undefined && others.length === 0) return app;
  throw new KeelsonError('MISUSE', {
    message: `${shownPath(file)} exports ${app === undefined ? 'no app' : `${others.length + 1} apps`}.`,
    hint: 'Export one value that is made by defineApp.',
  });
}

async function importModule(file: string): Promise<object> {
  try {
    return parseModule(await import(pathToFileURL(file).href));
  } catch (cause) {
    if (isKeelsonError(cause)) throw cause;
    throw new KeelsonError('MISUSE', {
      message: `${shownPath(file)} could not be loaded.`,
      hint: 'Correct what the cause says; DEBUG=1 shows where it is.',
      cause,
    });
  }
}

function parseModule(module: unknown): object {
  return module as object;
}
