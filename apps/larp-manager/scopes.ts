/** In which games a caller sees anything, as the scopes of lists ask it; the policies of the tables say the same. */
import type { Principal } from './users/service.ts';

/** The games in which they see anything; undefined for superusers, who see all. */
export function gamesOf({ isSuperuser, gmGames, playerGames }: Principal): readonly string[] | undefined {
  return isSuperuser ? undefined : [...new Set([...gmGames, ...playerGames])];
}

/** The scope of what belongs to a game. */
export function inTheirGames(principal: Principal): { readonly gameId: readonly string[] } | undefined | 'nothing' {
  const games = gamesOf(principal);
  if (games === undefined) return undefined;
  return games.length === 0 ? 'nothing' : { gameId: games };
}

/** The scope of what only GMs see of the rows of their games. */
export function inGamesTheyRun({ isSuperuser, gmGames }: Principal): { readonly gameId: readonly string[] } | undefined | 'nothing' {
  if (isSuperuser) return undefined;
  return gmGames.length === 0 ? 'nothing' : { gameId: gmGames };
}
