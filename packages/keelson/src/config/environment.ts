/** The one place that looks at the process: its environment, its folder and whether a person watches. */
import { cwd, env } from 'node:process';
import { isatty } from 'node:tty';

/** Names and texts, as a process is given them. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** What the process was started with. */
export function processEnvironment(): EnvironmentVariables {
  return { ...env };
}

/** The folder that the process was started in. */
export function workingDirectory(): string {
  return cwd();
}

/** Whether standard output is a terminal. */
export function onTerminal(): boolean {
  return isatty(1);
}
