/** What must hold of a player before it is written: their details fit the schema of their game. */
import { type FieldProblem, KeelsonError } from 'keelson/errors';
import { sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import { problemsOfSize } from '../details-check.ts';
import { type DetailsCheck, readDetailsSchema } from '../details-schema.ts';
import type { Repositories } from '../model.ts';
import type { Player } from './entity.ts';

/** The checks of the games that a unit has to do with: many players of one game are checked by one. */
const checksOfUnits = new WeakMap<object, Map<string, DetailsCheck>>();

/**
 * Checks what is said of a player.
 *
 * @throws VALIDATION_ERROR naming each place that does not fit
 */
export async function checkPlayer(player: Player, unit: Unit<Repositories>, what: { readonly areDetailsNew: boolean }): Promise<void> {
  const problems: FieldProblem[] = [...problemsOfSize(player.paymentStatus, 'body.payment_status')];
  if (what.areDetailsNew) {
    const check = await checkOf(unit, player.gameId);
    problems.push(...check.problemsOf(player.additionalDetails, 'body.additional_details'));
  }
  if (problems.length > 0) throw new KeelsonError('VALIDATION_ERROR', { validationErrors: problems });
}

/** The check of a game, whose schema stays as it is until the unit has ended. */
async function checkOf(unit: Unit<Repositories>, gameId: string): Promise<DetailsCheck> {
  const checks = checksOfUnits.get(unit) ?? new Map<string, DetailsCheck>();
  checksOfUnits.set(unit, checks);
  const known = checks.get(gameId);
  if (known !== undefined) return known;
  // Shared: players do not wait for each other, and a new schema waits for them.
  await unit.sql(sql`select pg_advisory_xact_lock_shared(hashtextextended('details of ' || ${gameId}::text, 0))`);
  const game = await unit.games.find({ id: gameId });
  if (game === null) throw new KeelsonError('FORBIDDEN', { message: 'This game is none that you see.' });
  const check = readDetailsSchema(game.additionalDetailsSchema, 'body.game_id');
  checks.set(gameId, check);
  return check;
}
