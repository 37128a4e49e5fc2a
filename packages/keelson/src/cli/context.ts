/** What every command is given: the app, where it lies, the environment, and where to write. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Declarations } from '../config/declaration.ts';
import type { SettingsDefinition } from '../config/definition.ts';
import { type EnvironmentVariables, workingDirectory } from '../config/environment.ts';
import type { RouteFacts } from '../http/route.ts';
import type { WorkerSource } from '../queue/backlog.ts';
import type { DdlObject } from '../schema/raw-ddl.ts';
import type { AnyTable } from '../schema/table.ts';
import type { Model } from '../work/model.ts';
import type { Input } from './input.ts';
import type { Output } from './output.ts';

/** An app as the commands see it. */
export interface AppFacts {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly namespace: string;
  readonly tables: readonly AnyTable[];
  /** What the model makes beside its tables. */
  readonly objects: readonly DdlObject[];
  readonly settings: SettingsDefinition<Declarations>;
  readonly migrationsDirectory: string;
  /** Its policies say which role needs rights. */
  readonly model: Model;
  /** What its workers claim from. */
  readonly workers: readonly WorkerSource[];
  /** The queues of its jobs. */
  readonly queues: readonly string[];
  readonly routes: readonly (RouteFacts & { readonly guard: { readonly name: string } })[];
}

/** What can be done with the app as a whole, its types and all. */
export interface WholeApp {
  /** Starts the app, and stops it when a signal comes. */
  readonly serve: () => Promise<void>;
  /** Runs the workers of the app without serving, until a signal comes. */
  readonly work: () => Promise<void>;
  /** Runs the seed; undefined when the app has none. */
  readonly seed: (() => Promise<void>) | undefined;
  /** Runs a block with the services of the app, which stand on its database and do not serve. */
  readonly withServices: <T>(block: (services: unknown) => Promise<T>) => Promise<T>;
}

/** What every command is given. */
export interface Context {
  readonly app: AppFacts;
  /** The folder of the app: `.env` and `.keelson` lie here, wherever the command was called. */
  readonly directory: string;
  readonly environment: EnvironmentVariables;
  readonly output: Output;
  readonly input: Input;
}

/** Runs an action and keeps its exit code, 0 when it gives none. */
export type Run = (action: () => Promise<number | void>) => Promise<void>;

/** The migrations folder of an app as a path. */
export function migrationsPath(folder: string | URL): string {
  return typeof folder === 'string' && !folder.startsWith('file:') ? path.resolve(folder) : fileURLToPath(folder);
}

/** The folder of an app: that of the package that its migrations are in, so that all its commands meet the same data. */
export function appDirectory(migrationsDirectory: string): string {
  let folder = path.dirname(migrationsDirectory);
  while (!existsSync(path.join(folder, 'package.json'))) {
    const above = path.dirname(folder);
    if (above === folder) return workingDirectory();
    folder = above;
  }
  return folder;
}

/** A path as a person in this folder would write it. */
export function shownPath(file: string): string {
  const relative = path.relative(workingDirectory(), file);
  if (relative === '') return '.';
  return relative.startsWith('..') ? file : relative;
}

/** Says so when a `.env` lies where the command was called, but the app does not read it. */
export function noticeOtherEnv({ app, directory, output }: Context): void {
  const here = path.join(workingDirectory(), '.env');
  const own = path.join(directory, '.env');
  if (here !== own && existsSync(here))
    output.talk(`${shownPath(here)} is not read: the settings of ${app.name} belong into ${shownPath(own)}.`);
}
