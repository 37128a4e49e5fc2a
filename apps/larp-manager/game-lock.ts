/** The lock of a game: whoever writes several rows of one takes it before any of them, so that no two wait for each other in a circle. */
import { sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import type { Repositories } from './model.ts';
import { games } from './games/table.ts';

/** Locks a game until the unit has ended, as an update does: rows that refer to it are added meanwhile. Where the caller may not change the game, nothing is locked. */
export async function lockGame(unit: Unit<Repositories>, gameId: string): Promise<void> {
  await lockGames(unit, [gameId]);
}

/** Locks several games in the same way by one statement, in the order of their keys. */
export async function lockGames(unit: Unit<Repositories>, gameIds: readonly string[]): Promise<void> {
  await unit.sql(sql`select from ${games} where id = any(${[...new Set(gameIds)]}::uuid[]) order by id for no key update`);
}
