/** Declarations and sources become typed values; everything that is wrong is told at once. */
import { inspect } from 'node:util';
import { KeelsonError } from '../errors.ts';
import type { AppEnvironment, Declaration, Declarations, SettingContext, SettingsOf } from './declaration.ts';
import { appEnvironments, type SettingsDefinition } from './definition.ts';
import { onTerminal, processEnvironment, workingDirectory, type EnvironmentVariables } from './environment.ts';
import { nearestName } from './near-miss.ts';
import { nearChoice, type Finding } from './reading.ts';
import { maskSecret } from './secret.ts';
import { findAll, readSources, type Source, type Sources } from './sources.ts';

export type { SettingsDefinition } from './definition.ts';

/** One setting as `keelson config` shows it. */
export interface ExplainedSetting {
  readonly name: string;
  /** `••••` for secrets; empty when there is no value. */
  readonly value: string;
  readonly source: Source;
  /** The name that it was set by, where that is an alias. */
  readonly alias: string | undefined;
  readonly description: string;
}

/** What `loadSettings` gives. */
export interface LoadedSettings<D extends Declarations> {
  /** Printing them, or writing them as JSON, masks the secrets. */
  readonly values: SettingsOf<D>;
  readonly explain: () => readonly ExplainedSetting[];
  readonly warnings: readonly string[];
}

/** Where to read from; the process's own environment and folder when left out. */
export interface LoadOptions {
  readonly environment?: EnvironmentVariables | undefined;
  /** Where `.env` lies. */
  readonly directory?: string | undefined;
  /** Whether a person watches; whether standard output is a terminal when left out. */
  readonly terminal?: boolean | undefined;
}

/** What is wrong with one setting. */
export interface SettingProblem extends Finding {
  readonly name: string;
}

/**
 * Reads the settings of an app from the environment, which wins, and `.env`. Nothing is written and nothing is connected.
 *
 * @throws CONFIG_INVALID once, with every problem and a hint for each.
 * @example
 * import { baseSettings, defineSettings, loadSettings } from 'keelson/config';
 * const { values } = loadSettings(defineSettings(baseSettings));
 * export const url: string | undefined = values.DATABASE_URL;
 */
export function loadSettings<D extends Declarations>(definition: SettingsDefinition<D>, options: LoadOptions = {}): LoadedSettings<D> {
  const sources = readSources(options.environment ?? processEnvironment(), options.directory ?? workingDirectory());
  const loading = new Loading(definition.declarations, sources, options.terminal ?? onTerminal());
  loading.readAll();
  loading.checkAll();
  loading.lookForSlips();
  if (loading.problems.length > 0) throw invalid(loading.problems, loading.warnings);
  const explained = loading.explain();
  return { values: parseValues<D>(guarded(loading.values, explained)), explain: () => explained, warnings: loading.warnings };
}

class Loading {
  readonly values: Record<string, unknown> = {};
  readonly problems: SettingProblem[] = [];
  readonly warnings: string[] = [];
  private readonly declarations: Declarations;
  private readonly sources: Sources;
  private readonly context: SettingContext;
  private readonly failed = new Set<string>();

  constructor(declarations: Declarations, sources: Sources, terminal: boolean) {
    this.declarations = declarations;
    this.sources = sources;
    if (sources.finding !== undefined) this.problems.push({ name: '.env', ...sources.finding });
    this.context = { environment: this.environment(), terminal, values: this.values };
  }

  /** Known before all else, since defaults and checks depend on it. A wrong word is taken for what it resembles, to find all problems at once. */
  private environment(): AppEnvironment {
    const text = findAll(this.sources, ['APP_ENV'])[0]?.text;
    if (text !== undefined)
      return appEnvironments.find((each) => each === text.toLowerCase()) ?? nearChoice(text, appEnvironments) ?? 'production';
    if (findAll(this.sources, ['NODE_ENV'])[0]?.text === 'production') {
      this.warnings.push('NODE_ENV is production, but APP_ENV is not set: this runs as development. Set APP_ENV=production.');
    }
    return 'development';
  }

  readAll(): void {
    for (const [name, declaration] of Object.entries(this.declarations)) this.readOne(name, declaration);
  }

  private readOne(name: string, declaration: Declaration<unknown>): void {
    const all = findAll(this.sources, [name, ...declaration.aliases]);
    const [first] = all;
    const other = all.find((each) => each.source === first?.source && each.text !== first.text);
    if (first !== undefined && other !== undefined) {
      this.warnings.push(`${first.name} and ${other.name} name one setting and differ in the ${where(first.source)}: ${first.name} holds.`);
    }
    if (first === undefined) {
      this.values[name] = declaration.unset(this.context);
      if (this.values[name] === undefined && declaration.requiredIn.includes(this.context.environment)) this.missing(name, declaration);
      return;
    }
    const reading = declaration.read(first.text);
    if (reading.ok) this.values[name] = reading.value;
    else this.problem({ name: first.name, problem: reading.problem, hint: reading.hint }, name);
  }

  private missing(name: string, declaration: Declaration<unknown>): void {
    const hint = `Set it: ${declaration.form}. ${declaration.description}`;
    this.problem({ name, problem: `it is required in ${this.context.environment} and not set`, hint }, name);
  }

  private problem(problem: SettingProblem, declared: string): void {
    this.problems.push(problem);
    this.failed.add(declared);
  }

  checkAll(): void {
    for (const [name, declaration] of Object.entries(this.declarations)) {
      if (this.failed.has(name)) continue;
      for (const finding of declaration.check(this.values[name], this.context)) {
        if (finding.warning === true) this.warnings.push(`${name}: ${finding.problem}. ${finding.hint}`);
        else this.problems.push({ name, problem: finding.problem, hint: finding.hint });
      }
    }
  }

  lookForSlips(): void {
    const declared = Object.entries(this.declarations).flatMap(([name, declaration]) => [name, ...declaration.aliases]);
    const known = new Set(declared);
    for (const name of new Set([...this.sources.environment.keys(), ...this.sources.file.keys()])) {
      if (known.has(name)) continue;
      const near = nearestName(name, declared);
      if (near !== undefined) this.warnings.push(`${name} is not a setting. Did you mean ${near}?`);
      else if (name.startsWith('KEELSON_')) this.warnings.push(`${name} is not a setting.`);
    }
  }

  explain(): readonly ExplainedSetting[] {
    return Object.entries(this.declarations).map(([name, declaration]) => {
      const found = findAll(this.sources, [name, ...declaration.aliases])[0];
      const shown = declaration.show(this.values[name]);
      const value = declaration.secret && shown !== '' ? maskSecret(shown) : shown;
      const alias = found === undefined || found.name === name ? undefined : found.name;
      return { name, value, source: found?.source ?? 'default', alias, description: declaration.description };
    });
  }
}

function where(source: Source): string {
  return source === 'environment' ? 'environment' : 'file .env';
}

function invalid(problems: readonly SettingProblem[], warnings: readonly string[]): KeelsonError {
  const lines = [...problems.map((each) => `  ${each.name}: ${each.problem}. ${each.hint}`), ...warnings.map((each) => `  ${each}`)];
  const count = problems.length === 1 ? 'One setting is' : `${problems.length} settings are`;
  return new KeelsonError('CONFIG_INVALID', {
    message: `${count} not valid:\n${lines.join('\n')}`,
    validationErrors: problems.map((each) => ({ field: each.name, message: `${each.problem}. ${each.hint}` })),
    data: { problems, warnings },
  });
}

/** Whoever prints the values, or writes them as JSON, gets them as `explain` shows them. */
function guarded(values: Record<string, unknown>, explained: readonly ExplainedSetting[]): Readonly<Record<string, unknown>> {
  const shown = (): Record<string, string> => Object.fromEntries(explained.map((each) => [each.name, each.value]));
  Object.defineProperty(values, 'toJSON', { value: shown, enumerable: false });
  Object.defineProperty(values, inspect.custom, { value: shown, enumerable: false });
  return Object.freeze(values);
}

/** Each value was read by the declaration of its name. */
function parseValues<D extends Declarations>(values: Readonly<Record<string, unknown>>): SettingsOf<D> {
  return values as SettingsOf<D>;
}
