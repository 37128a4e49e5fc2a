/** The settings of LARP manager: those of every app, with its own defaults. */
import { baseSettings, defineSettings, port, type SettingsOf, text } from 'keelson/config';

/** Each setting, as it is declared. */
export type Declarations = typeof declarations;

const declarations = {
  ...baseSettings,
  PROJECT_NAME: text({ description: 'The name of the app, shown in its documents.', default: 'LARP Manager Server', lengthMax: 100 }),
  PORT: port(8002),
};

/** What LARP manager reads from its environment. */
export const settings = defineSettings(declarations);

/** The values of the settings. */
export type Settings = SettingsOf<Declarations>;
