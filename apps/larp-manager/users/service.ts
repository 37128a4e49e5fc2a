/** What is done with users, and what is known of whoever is signed in. */
import { type PrincipalOf, type SignInParts, UserAccounts } from 'keelson/sign-in';
import { User } from './entity.ts';
import type { currentUser } from './repository.ts';

/** Who is signed in: the user, the session, the games that they run and those that they play in; times are RFC 3339 text. */
export type Principal = PrincipalOf<typeof currentUser>;

/** What a registration says beside e-mail and password. */
export interface Given {
  readonly name?: string | null | undefined;
  readonly phone?: string | null | undefined;
}

/** What the transactions of whoever signs in carry: they have no name yet. */
export const signInSettings = { 'app.sign_in': 'on' };

/** What the transactions of a caller carry: all that the policies beside the tables read. */
export function settingsOf({ id, isSuperuser, gmGames, playerGames }: Principal): Readonly<Record<string, string>> {
  return {
    'app.user_id': id,
    'app.gm_games': `{${gmGames.join(',')}}`,
    'app.player_games': `{${playerGames.join(',')}}`,
    ...(isSuperuser && { 'app.is_superuser': 'on' }),
  };
}

/** What a guard has given, where it is who is signed in. */
export function parsePrincipal(principal: unknown): Principal | undefined {
  const isOne = typeof principal === 'object' && principal !== null && 'sessionId' in principal && 'gmGames' in principal;
  return isOne ? (principal as Principal) : undefined;
}

/** Whether somebody runs a game; superusers run all. */
export function runsGame({ isSuperuser, gmGames }: Principal, gameId: string): boolean {
  return isSuperuser || gmGames.includes(gameId);
}

/** Whether somebody takes part in a game, as GM or as a player. */
export function takesPart(principal: Principal, gameId: string): boolean {
  return runsGame(principal, gameId) || principal.playerGames.includes(gameId);
}

export class UserService extends UserAccounts<User, Given> {
  constructor(parts: SignInParts<User>) {
    super(parts, (values, { name, phone }) => new User({ ...values, name, phone }));
  }
}
