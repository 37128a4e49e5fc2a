/** The public door of `keelson/auth`: access tokens, passwords and sessions. */
export { offersAdministration } from './administration.ts';
export type { AdministeredUser, UserAdministration } from './administration.ts';
export { AuditLog, auditTable } from './audit.ts';
export type { AuditAction, AuditColumns, AuditEntry } from './audit.ts';
export { keyRing, publicKeys } from './key-ring.ts';
export type { KeyAlgorithm, KeyPurpose, KeyRing, PublicJwk, RingKey, RingSecrets } from './key-ring.ts';
export { AccessTokens } from './token.ts';
export type { AccessClaims, AccessTokenOptions, SignedToken } from './token.ts';
export { Passwords } from './password.ts';
export type { PasswordContext, PasswordOptions, PasswordVerdict } from './password.ts';
export type { PasswordCosts, PasswordSchemeName } from './password-scheme.ts';
export { Sessions } from './session.ts';
export type { Ending, ListedSession, LiveSession, Rotation, RunSql, SessionOptions } from './session.ts';
export { sessionTable } from './session-table.ts';
export type { SessionColumns, SessionTable } from './session-table.ts';
export { Throttle, throttleTable } from './throttle.ts';
export type { Attempt, ThrottleColumns, ThrottleOptions } from './throttle.ts';
