/** The settings of accounts: those of every app, under its own name. */
import { baseSettings, defineSettings, text } from 'keelson/config';

/** Each setting, as it is declared. */
export type Declarations = typeof declarations;

const declarations = {
  ...baseSettings,
  PROJECT_NAME: text({ description: 'The name of the app, shown in its documents.', default: 'Accounts', lengthMax: 100 }),
};

/** What accounts reads from its environment. */
export const settings = defineSettings(declarations);
