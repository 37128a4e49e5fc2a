/** What must hold of a player before it is written: their details fit the schema of their game. */
import { type FieldProblem, KeelsonError } from 'keelson/errors';
import { sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import { problemsOfSize } from '../details-check.ts';
import type { DetailsCheck } from '../details-schema.ts';
import type { Game } from '../games/entity.ts';
import { lockGame } from '../game-lock.ts';
import type { Repositories } from '../model.ts';
import type { Player } from './entity.ts';

// What reads patterns takes 1 MB once it is loaded: only where a schema is read.
const detailsSchema = () => import('../details-schema.ts');

/** The checks of the games that a unit has to do with: many players of one game are checked by one. */
const checksOfUnits = new WeakMap<object, Map<string, DetailsCheck>>();

/**
 * Checks what is said of a player.
 *
 * @throws VALIDATION_ERROR naming each place that does not fit
 */
export async function checkPlayer(player: Player, unit: Unit<Repositories>, { isNew }: { readonly isNew: boolean }): Promise<void> {
  const check = await checkOf(unit, player.gameId, isNew);
  const problems: readonly FieldProblem[] = [
    ...problemsOfSize(player.paymentStatus, 'body.payment_status'),
    ...check.problemsOf(player.additionalDetails, 'body.additional_details'),
  ];
  if (problems.length > 0) throw new KeelsonError('VALIDATION_ERROR', { validationErrors: problems });
}

/** The check of a game, whose schema stays as it is until the unit has ended. */
async function checkOf(unit: Unit<Repositories>, gameId: string, isNew: boolean): Promise<DetailsCheck> {
  const checks = checksOfUnits.get(unit) ?? new Map<string, DetailsCheck>();
  checksOfUnits.set(unit, checks);
  const known = checks.get(gameId);
  if (known !== undefined) return known;
  const { additionalDetailsSchema } = isNew ? await holdGame(unit, gameId) : await holdSchema(unit, gameId);
  const { readDetailsSchema } = await detailsSchema();
  const check = readDetailsSchema(additionalDetailsSchema, 'body.game_id');
  checks.set(gameId, check);
  return check;
}

/** A new player is written into the row of the game by a trigger, so that row is locked first: whoever changes the game has it locked as well. */
async function holdGame(unit: Unit<Repositories>, gameId: string): Promise<Game> {
  await lockGame(unit, gameId);
  const game = await unit.games.find({ id: gameId });
  if (game !== null) return game;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.game_id', message: 'is no game that there is' }] });
}

/** Players may not lock a game. The lock is shared: they do not wait for each other, and a new schema waits for all of them. */
async function holdSchema(unit: Unit<Repositories>, gameId: string): Promise<Game> {
  await unit.sql(sql`select pg_advisory_xact_lock_shared(hashtextextended('details of ' || ${gameId}::text, 0))`);
  return unit.games.get(gameId);
}
