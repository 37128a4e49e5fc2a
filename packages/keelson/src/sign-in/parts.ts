/** What signing in is built on: the app's tables and database, and keys, passwords, sessions and counters made of its settings. */
import { AuditLog, type AuditColumns } from '../auth/audit.ts';
import { keyRing, publicKeys, type PublicJwk } from '../auth/key-ring.ts';
import { Passwords } from '../auth/password.ts';
import { type RunSql, Sessions } from '../auth/session.ts';
import type { SessionTable } from '../auth/session-table.ts';
import { Throttle, type ThrottleColumns } from '../auth/throttle.ts';
import { AccessTokens } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import type { BaseSettings } from '../config/base.ts';
import type { AnyTable, Handle, Table } from '../schema/table.ts';

/** What signing in needs of a user. */
export interface SignInUser {
  readonly id: string;
  email: string;
  passwordHash: string;
  isActive: boolean;
  isSuperuser: boolean;
  readonly createdAt: Date;
}

/** A table of users that can sign in. */
export type UsersTable = AnyTable & { readonly [K in keyof SignInUser]: Handle };

/** The tables of signing in, as the app declares them. */
export interface SignInTables {
  readonly users: UsersTable;
  readonly sessions: SessionTable;
  readonly throttle: Table<ThrottleColumns>;
  readonly auditLog: Table<AuditColumns>;
}

/** What signing in does with the repository `users`. */
export interface SignInUsers<U> {
  get(id: string, options?: { readonly lock?: boolean }): Promise<U>;
  add(user: U): U;
  update(id: string, changes: object): Promise<U>;
  remove(user: U): void;
}

/** A unit of work, as signing in sees it. */
export interface SignInUnit<U> {
  readonly users: SignInUsers<U>;
  readonly sql: RunSql;
}

/** The database of an app whose repositories have `users`; where policies hold, the view of it that signing in works with. */
export interface SignInDatabase<U> {
  work<T>(block: (unit: SignInUnit<U>) => T | Promise<T>, options?: { readonly name?: string | undefined }): Promise<T>;
  read<T>(block: (reader: { readonly sql: RunSql }) => T | Promise<T>): Promise<T>;
}

/** What all of signing in shares. */
export interface SignInParts<U extends SignInUser> {
  readonly tables: SignInTables;
  readonly database: SignInDatabase<U>;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
  readonly throttle: Throttle;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** Of the keys that sign access tokens. */
  readonly publicKeys: readonly PublicJwk[];
}

/** What a starting app has: its ground. */
export interface SignInGround<U extends SignInUser> {
  readonly settings: BaseSettings;
  readonly secretKey: string;
  readonly database: SignInDatabase<U>;
  readonly clock: Clock;
}

const MINUTE_S = 60;
/** The dearest hash takes 200 ms, and tests make many; production never sees these. */
const TEST_COSTS = { bcryptCost: 4, argon2MemoryKib: 64, argon2Passes: 1 };

/** Makes the parts of signing in for an app; `name` is issuer and audience of its access tokens. */
export function signInParts<U extends SignInUser>(
  { settings, secretKey, database, clock }: SignInGround<U>,
  { name, tables }: { readonly name: string; readonly tables: SignInTables },
): SignInParts<U> {
  const secrets = { current: secretKey, previous: settings.SECRET_KEY_PREVIOUS };
  const accessKeys = keyRing(secrets, 'access-token', settings.ALGORITHM);
  return {
    tables,
    database,
    clock,
    passwords: passwordsOf(settings),
    sessions: new Sessions({
      table: tables.sessions,
      keys: keyRing(secrets, 'refresh-token'),
      idleDays: settings.REFRESH_TOKEN_IDLE_DAYS,
      absoluteDays: settings.REFRESH_TOKEN_ABSOLUTE_DAYS,
      clock,
    }),
    accessTokens: new AccessTokens({
      keys: accessKeys,
      issuer: name,
      audience: name,
      lifetimeS: settings.ACCESS_TOKEN_EXPIRE_MINUTES * MINUTE_S,
      clock,
    }),
    throttle: new Throttle({ table: tables.throttle, keys: keyRing(secrets, 'throttle'), isOn: settings.RATE_LIMIT === 'on', clock }),
    audit: new AuditLog({ table: tables.auditLog, clock }),
    publicKeys: publicKeys(accessKeys),
  };
}

function passwordsOf(settings: BaseSettings): Passwords {
  const costs = settings.APP_ENV === 'test' ? TEST_COSTS : {};
  return new Passwords({ ...costs, scheme: settings.PASSWORD_SCHEME, lengthMin: settings.PASSWORD_MIN_LENGTH });
}
