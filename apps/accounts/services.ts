/** The services of accounts, and how they are built. */
import { AccessTokens, AuditLog, keyRing, Passwords, Sessions, Throttle, publicKeys, type PublicJwk } from 'keelson/auth';
import type { Ground } from 'keelson/http';
import { AdministrationService } from './administration/service.ts';
import { AuthService } from './auth/service.ts';
import { auditLog, sessions, throttle } from './auth/table.ts';
import type { Repositories } from './model.ts';
import type { Declarations, Settings } from './settings.ts';
import { UserService } from './users/service.ts';

/** What the routes work with. */
export interface Services {
  readonly users: UserService;
  readonly auth: AuthService;
  /** For the command line: `keelson user …`. */
  readonly administration: AdministrationService;
  /** Of the keys that sign access tokens. */
  readonly publicKeys: readonly PublicJwk[];
  readonly apiPrefix: string;
}

const NAME = 'accounts';
const MINUTE_S = 60;
/** The dearest hash takes 200 ms, and tests make many; production never sees these. */
const TEST_COSTS = { bcryptCost: 4, argon2MemoryKib: 64, argon2Passes: 1 };

/** Builds the services on the ground of a starting app. */
export function buildServices({ settings, secretKey, database, clock }: Ground<Repositories, Declarations>): Services {
  const secrets = { current: secretKey, previous: settings.SECRET_KEY_PREVIOUS };
  const accessKeys = keyRing(secrets, 'access-token', settings.ALGORITHM);
  const passwords = passwordsOf(settings);
  const lives = new Sessions({
    table: sessions,
    keys: keyRing(secrets, 'refresh-token'),
    idleDays: settings.REFRESH_TOKEN_IDLE_DAYS,
    absoluteDays: settings.REFRESH_TOKEN_ABSOLUTE_DAYS,
    clock,
  });
  const audit = new AuditLog({ table: auditLog, clock });
  const users = new UserService({ database, passwords, sessions: lives, audit });
  const auth = new AuthService({
    database,
    users,
    clock,
    passwords,
    sessions: lives,
    audit,
    throttle: new Throttle({ table: throttle, keys: keyRing(secrets, 'throttle'), isOn: settings.RATE_LIMIT === 'on', clock }),
    accessTokens: new AccessTokens({
      keys: accessKeys,
      issuer: NAME,
      audience: NAME,
      lifetimeS: settings.ACCESS_TOKEN_EXPIRE_MINUTES * MINUTE_S,
      clock,
    }),
  });
  const administration = new AdministrationService({ database, users, passwords, sessions: lives, audit });
  return { users, auth, administration, publicKeys: publicKeys(accessKeys), apiPrefix: settings.API_V1_PREFIX };
}

function passwordsOf(settings: Settings): Passwords {
  const costs = settings.APP_ENV === 'test' ? TEST_COSTS : {};
  return new Passwords({ ...costs, scheme: settings.PASSWORD_SCHEME, lengthMin: settings.PASSWORD_MIN_LENGTH });
}
