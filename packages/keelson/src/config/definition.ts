/** The declarations of an app as one thing, checked for being well-formed. */
import { KeelsonError } from '../errors.ts';
import type { AppEnvironment, Declarations } from './declaration.ts';

/** The declarations of an app, checked for being well-formed. */
export interface SettingsDefinition<D extends Declarations> {
  readonly declarations: D;
}

/** The environments that an app may run in. */
export const appEnvironments: readonly AppEnvironment[] = ['development', 'staging', 'production', 'test'];

/**
 * Takes the declarations of an app.
 *
 * @throws MISUSE when a name or an alias is not in capitals, is declared twice, or a feature's name does not begin with `FEATURE_`.
 * @example
 * import { baseSettings, defineSettings, feature, port } from 'keelson/config';
 * export const settings = defineSettings({ ...baseSettings, PORT: port(8001), FEATURE_REVEAL: feature({ description: 'Reveal tokens.' }) });
 */
export function defineSettings<const D extends Declarations>(declarations: D): SettingsDefinition<D> {
  const seen = new Set<string>();
  for (const [name, declaration] of Object.entries(declarations)) {
    for (const each of [name, ...declaration.aliases]) {
      if (!/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/.test(each))
        throw new KeelsonError('MISUSE', { message: `The setting ${each} is not named LIKE_THIS.` });
      if (seen.has(each)) throw new KeelsonError('MISUSE', { message: `The setting ${each} is declared twice.` });
      seen.add(each);
    }
    if (declaration.feature !== name.startsWith('FEATURE_')) {
      throw new KeelsonError('MISUSE', { message: `${name}: features, and nothing else, are named FEATURE_….` });
    }
  }
  return { declarations };
}
