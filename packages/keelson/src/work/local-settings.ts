/** Transaction-local settings: what every transaction of a request carries, as SQL. */
import { encodeText } from '../schema/encode.ts';
import { checkSetting } from '../schema/policy.ts';
import { setLocal } from '../schema/set-local.ts';

/** Settings as commands that follow others; both are empty where nothing is set. */
export interface LocalSettings {
  readonly set: string;
  /** Makes them empty again inside a transaction that goes on. */
  readonly clear: string;
}

/** No settings. */
export const noSettings: LocalSettings = { set: '', clear: '' };

/**
 * The settings of a context.
 *
 * @throws MISUSE for a name that no setting of an app can have
 * @throws VALIDATION_ERROR for a value that PostgreSQL cannot store
 */
export function localSettings(settings: Readonly<Record<string, string>>): LocalSettings {
  const entries = Object.entries(settings).toSorted(([left], [right]) => (left < right ? -1 : 1));
  for (const [name] of entries) checkSetting(name);
  return {
    set: setLocal(entries.map(([name, value]) => [name, encodeText(value)])),
    clear: setLocal(entries.map(([name]) => [name, ''])),
  };
}
