/** Declarations: what a setting is called, means, defaults to and may be; one gives type, check, explanation and the line in `.env.example`. */
import type { Finding, Reading } from './reading.ts';

/** Where an app runs. */
export type AppEnvironment = 'development' | 'staging' | 'production' | 'test';

/** What defaults and checks may look at. */
export interface SettingContext {
  readonly environment: AppEnvironment;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** The settings read so far; all of them for checks. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** What a check found; a warning lets the start go on. */
export interface CheckFinding extends Finding {
  readonly warning?: boolean | undefined;
}

/** A default that depends on the environment, and what to call it in documents. */
export interface DependentDefault<T> {
  readonly note: string;
  value(context: SettingContext): T;
}

/** One setting. `T` is the type of its value. */
export interface Declaration<T> {
  /** What it means, for a person, with the unit. */
  readonly description: string;
  /** What may be written, for a person: `whole number, 1 to 1000`. */
  readonly form: string;
  readonly secret: boolean;
  readonly aliases: readonly string[];
  readonly requiredIn: readonly AppEnvironment[];
  readonly feature: boolean;
  /** The default as it is written in documents; `undefined` when there is none. */
  readonly defaultText: string | undefined;
  /** The default as it would be written in `.env`, where it is always the same. */
  readonly defaultLine: string | undefined;
  read(text: string): Reading<T>;
  /** The value when nothing is set. */
  unset(context: SettingContext): T;
  check(value: T, context: SettingContext): readonly CheckFinding[];
  /** The value as `keelson config` shows it. */
  show(value: T): string;
}

/** The declarations of an app by name. */
export type Declarations = Readonly<Record<string, Declaration<unknown>>>;

/** The values that declarations give. */
export type SettingsOf<D extends Declarations> = { readonly [K in keyof D]: D[K] extends Declaration<infer T> ? T : never };

/** What may be said of any setting. */
export interface CommonOptions<T> {
  readonly description: string;
  readonly default?: T | DependentDefault<T> | undefined;
  /** What happens when it is not set and has no default, for documents: `the embedded server`. */
  readonly unset?: string | undefined;
  /** `true`: everywhere. */
  readonly required?: boolean | undefined;
  readonly requiredIn?: readonly AppEnvironment[] | undefined;
  /** Other names that are read too. */
  readonly aliases?: readonly string[] | undefined;
  check?(value: T, context: SettingContext): CheckFinding | undefined;
}

/** The value's type: without default and not required everywhere it may be missing. */
export type ValueOf<T, O> = O extends { readonly default: {} } | { readonly required: true } ? T : T | undefined;

/** How values of one kind are read, shown and checked. */
export interface Kind<T> {
  readonly form: string;
  read(text: string): Reading<T>;
  show(value: T): string;
  readonly secret?: boolean | undefined;
  readonly feature?: boolean | undefined;
  check?(value: T, context: SettingContext): readonly CheckFinding[];
}

const everywhere: readonly AppEnvironment[] = ['development', 'staging', 'production', 'test'];

/** Makes a declaration of a kind and what is said of the one setting. */
export function declare<T, O extends CommonOptions<T>>(kind: Kind<T>, options: O): Declaration<ValueOf<T, O>> {
  const fallback = options.default;
  const fixed = fallback === undefined || isDependent(fallback) ? undefined : kind.show(fallback);
  return parseDeclaration({
    description: options.description,
    form: kind.form,
    secret: kind.secret === true,
    feature: kind.feature === true,
    aliases: options.aliases ?? [],
    requiredIn: options.required === true ? everywhere : (options.requiredIn ?? []),
    defaultText: isDependent(fallback) ? fallback.note : defaultWords(kind, options, fixed),
    defaultLine: fixed,
    read: (text) => kind.read(text),
    unset: (context) => (isDependent(fallback) ? fallback.value(context) : fallback),
    check: (value, context) => (value === undefined ? [] : findings(kind, options, value, context)),
    show: (value) => (value === undefined ? '' : kind.show(value)),
  });
}

function defaultWords<T>(kind: Kind<T>, options: CommonOptions<T>, fixed: string | undefined): string | undefined {
  if (fixed === undefined || fixed === '') return options.unset;
  return kind.secret === true ? 'a secret that is not shown' : fixed;
}

function findings<T>(kind: Kind<T>, options: CommonOptions<T>, value: T, context: SettingContext): readonly CheckFinding[] {
  const own = options.check?.(value, context);
  return [...(kind.check?.(value, context) ?? []), ...(own === undefined ? [] : [own])];
}

/** The type says what the options said: a value that has a default, or must be set, is never missing. */
function parseDeclaration<T, O>(declaration: Declaration<T | undefined>): Declaration<ValueOf<T, O>> {
  return declaration as Declaration<ValueOf<T, O>>;
}

function isDependent<T>(fallback: T | DependentDefault<T> | undefined): fallback is DependentDefault<T> {
  return typeof fallback === 'object' && fallback !== null && 'note' in fallback && 'value' in fallback;
}
