/** The kinds of settings: text, secret, number, switch, choice, list, addresses. */
import {
  declare,
  type CheckFinding,
  type CommonOptions,
  type Declaration,
  type DependentDefault,
  type Kind,
  type SettingContext,
  type ValueOf,
} from './declaration.ts';
import {
  bad,
  good,
  readChoice,
  readDatabaseUrl,
  readFlag,
  readHost,
  readInteger,
  readOrigin,
  readText,
  readUrl,
  type Reading,
} from './reading.ts';
import { maskUrl, secretWeakness } from './secret.ts';

/** Options of {@link text}. */
export interface TextOptions extends CommonOptions<string> {
  readonly lengthMax?: number | undefined;
  /** What it must look like, with the words for it. */
  readonly pattern?: { readonly matches: RegExp; readonly words: string } | undefined;
}

/** A setting that is a text. */
export function text<const O extends TextOptions>(options: O): Declaration<ValueOf<string, O>> {
  const lengthMax = options.lengthMax ?? 1_000;
  const { pattern } = options;
  const read = (raw: string): Reading<string> =>
    pattern !== undefined && !pattern.matches.test(raw)
      ? bad('it does not have the form that it needs', `Write ${pattern.words}.`)
      : readText(raw, lengthMax);
  return declare<string, O>({ form: pattern?.words ?? `text, at most ${lengthMax} characters`, read, show: String }, options);
}

/** A setting that is a secret text: never printed, and with `strong` refused when it could be guessed. */
export function secret<const O extends CommonOptions<string> & { readonly strong?: boolean }>(options: O): Declaration<ValueOf<string, O>> {
  const form = options.strong === true ? 'secret text, at least 32 bytes of real entropy (openssl rand -base64 48)' : 'secret text';
  const check = (value: string, context: SettingContext): readonly CheckFinding[] =>
    options.strong === true ? judgeSecret(value, context) : [];
  return declare<string, O>({ form, secret: true, read: (raw) => readText(raw, 10_000), show: String, check }, options);
}

function judgeSecret(value: string, context: SettingContext): readonly CheckFinding[] {
  const weakness = secretWeakness(value);
  if (weakness === undefined) return [];
  const strict = context.environment === 'production' || context.environment === 'staging';
  return [{ problem: weakness, hint: 'Make one: openssl rand -base64 48', warning: !strict }];
}

/** Options of {@link integer}. */
export interface IntegerOptions extends CommonOptions<number> {
  readonly min: number;
  readonly max: number;
  /** The unit, in words: `milliseconds`. */
  readonly unit?: string | undefined;
}

/**
 * A setting that is a whole number.
 *
 * @example
 * import { defineSettings, integer } from 'keelson/config';
 * export const settings = defineSettings({ BATCH_MAX: integer({ description: 'Rows in one batch.', default: 100, min: 1, max: 1_000 }) });
 */
export function integer<const O extends IntegerOptions>(options: O): Declaration<ValueOf<number, O>> {
  const unit = options.unit === undefined ? '' : ` of ${options.unit}`;
  const form = `whole number${unit}, ${options.min} to ${options.max}`;
  return declare<number, O>({ form, read: (raw) => readInteger(raw, options), show: String }, options);
}

/** The setting for the port that an app listens on. */
export function port(fallback: number, description = 'The port to listen on; 0 takes a free one.'): Declaration<number> {
  return integer({ description, default: fallback, min: 0, max: 65_535 });
}

/** A setting that is on or off. */
export function flag<const O extends CommonOptions<boolean>>(options: O): Declaration<ValueOf<boolean, O>> {
  return declare<boolean, O>({ form: 'true or false', read: readFlag, show: String }, options);
}

/** A feature that can be switched on: its name begins with `FEATURE_`. Off unless the default says otherwise. */
export function feature(options: { readonly description: string; readonly default?: boolean }): Declaration<boolean> {
  const kind = { form: 'true or false', read: readFlag, show: String, feature: true };
  return declare<boolean, CommonOptions<boolean> & { readonly default: boolean }>(kind, {
    description: options.description,
    default: options.default ?? false,
  });
}

/** A setting that is one of a few words. */
export function choice<const V extends string, const O extends CommonOptions<NoInfer<V>> & { readonly values: readonly V[] }>(
  options: O & { readonly values: readonly V[] },
): Declaration<ValueOf<V, O>> {
  return declare<V, O>(
    { form: `one of ${options.values.join(', ')}`, read: (raw) => readChoice<V>(raw, options.values), show: String },
    options,
  );
}

/** A setting that is an HTTP address. */
export function url<const O extends CommonOptions<string>>(options: O): Declaration<ValueOf<string, O>> {
  return declare<string, O>({ form: 'URL, http or https', read: readUrl, show: maskUrl }, options);
}

/** A setting that says where a PostgreSQL server is; shown without its password. */
export function databaseUrl<const O extends CommonOptions<string>>(options: O): Declaration<ValueOf<string, O>> {
  return declare<string, O>({ form: 'URL, postgresql://user:password@host:5432/database', read: readDatabaseUrl, show: maskUrl }, options);
}

/** A setting for the address that an app listens on. */
export function host<const O extends CommonOptions<string>>(options: O): Declaration<ValueOf<string, O>> {
  return declare<string, O>({ form: 'host name or IP address', read: readHost, show: String }, options);
}

/** Options of {@link list}. */
export interface ListOptions extends CommonOptions<readonly string[]> {
  readonly of?: 'text' | 'origin' | 'secret' | undefined;
  readonly itemsMax?: number | undefined;
}

/** A setting that is several texts with commas between them; none when not set. */
export function list<const O extends ListOptions>(options: O): Declaration<readonly string[]> {
  const itemsMax = options.itemsMax ?? 100;
  const secrets = options.of === 'secret';
  const readItem = options.of === 'origin' ? readOrigin : (item: string) => readText(item, secrets ? 10_000 : 1_000);
  const words = { text: 'texts', origin: 'exact origins', secret: 'secret texts, each at least 32 bytes of real entropy' }[
    options.of ?? 'text'
  ];
  const kind: Kind<readonly string[]> = {
    form: `${words}, comma-separated, at most ${itemsMax}`,
    secret: secrets,
    read: (raw) => readItems(raw, readItem, itemsMax),
    show: (items) => items.join(','),
    check: (items, context) => (secrets ? items.flatMap((item) => judgeSecret(item, context)) : []),
  };
  return declare<
    readonly string[],
    CommonOptions<readonly string[]> & { readonly default: readonly string[] | DependentDefault<readonly string[]> }
  >(kind, {
    ...options,
    unset: options.unset ?? 'none',
    default: options.default ?? [],
  });
}

function readItems(raw: string, readItem: (item: string) => Reading<string>, itemsMax: number): Reading<readonly string[]> {
  const items = raw
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length > itemsMax) return bad(`it lists ${items.length}`, `List at most ${itemsMax}.`);
  for (const item of items) {
    const reading = readItem(item);
    if (!reading.ok) return reading;
  }
  return good([...new Set(items)]);
}
