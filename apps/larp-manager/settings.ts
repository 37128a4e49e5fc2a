/** The settings of LARP manager: those of every app, with its own defaults. */
import { baseSettings, defineSettings, feature, integer, port, secret, text } from 'keelson/config';

/** Each setting, as it is declared. */
export type Declarations = typeof declarations;

const declarations = {
  ...baseSettings,
  PROJECT_NAME: text({ description: 'The name of the app, shown in its documents.', default: 'LARP Manager Server', lengthMax: 100 }),
  PORT: port(8002),
  DATABASE_POOL_SIZE: integer({
    description: 'How many connections one process holds at most.',
    default: 20,
    min: 1,
    max: 1_000,
    unit: 'connections',
    aliases: ['DB_POOL_SIZE'],
  }),
  ACCESS_TOKEN_EXPIRE_MINUTES: integer({
    description: 'How long an access token is good, in minutes.',
    default: 30,
    min: 1,
    max: 1_440,
    unit: 'minutes',
  }),
  FEATURE_REGISTRATION: feature({ description: 'Anybody may register. Superusers may add users in any case.', default: true }),
  SEED_SUPERUSER_EMAIL: text({ description: 'The superuser that `keelson db seed` adds; without it, it adds none.', lengthMax: 254 }),
  SEED_SUPERUSER_PASSWORD: secret({ description: 'What that superuser signs in with.' }),
};

/** What LARP manager reads from its environment. */
export const settings = defineSettings(declarations);
