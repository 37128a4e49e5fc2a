/** The public door of `keelson/sign-in`: signing in for any app whose users have an e-mail and a password. */
export { Administration } from './administration.ts';
export { emailIndex, emailKey, normaliseEmail, requiredEmail, unlessTaken } from './email.ts';
export { bearer } from './guard.ts';
export type { Permission, SignInServices } from './guard.ts';
export { signInParts } from './parts.ts';
export type { SignInDatabase, SignInGround, SignInParts, SignInTables, SignInUnit, SignInUser, SignInUsers, UsersTable } from './parts.ts';
export { principalQuery } from './principal.ts';
export type { Principal, PrincipalOf, PrincipalSource, SelectPrincipal, SessionPrincipal } from './principal.ts';
export { signInRoutes } from './routes.ts';
export { Email, KeySet, Login, Password, PasswordChange, Refresh, SessionId, SessionList, TokenPair } from './schema.ts';
export { SignIn } from './sign-in.ts';
export type { Caller, PasswordChange as PasswordChanged, SignInOptions, Tokens } from './sign-in.ts';
export { UserAccounts } from './user-accounts.ts';
export type { Actor, Credentials, NewUser, OwnChanges, Registration, Rights, UserChanges } from './user-accounts.ts';
