/** What must hold of a game before it is written: its dates, and that its players fit its schema. */
import { type FieldProblem, KeelsonError } from 'keelson/errors';
import { sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import type { DetailsCheck } from '../details-schema.ts';
import type { Repositories } from '../model.ts';
import type { Game } from './entity.ts';
import { lockGame } from '../game-lock.ts';

const SCHEMA_FIELD = 'body.additional_details_schema';
const BATCH_MAX = 200;

// What reads patterns takes 1 MB once it is loaded: only where a schema is read.
const detailsSchema = () => import('../details-schema.ts');

/**
 * Checks a new game.
 *
 * @throws VALIDATION_ERROR for dates in the wrong order, and for a schema that is not taken
 */
export async function checkNewGame(game: Game): Promise<void> {
  checkDates(game);
  const { readDetailsSchema } = await detailsSchema();
  readDetailsSchema(game.additionalDetailsSchema, SCHEMA_FIELD);
}

/**
 * Checks a game that is changed. A new schema waits for those who write details by the old one, and holds off others until it is committed.
 *
 * @throws VALIDATION_ERROR as for a new one, CONFLICT where there are players whose details do not fit the new schema
 */
export async function checkGame(game: Game, unit: Unit<Repositories>, what: { readonly isSchemaNew: boolean }): Promise<void> {
  await checkNewGame(game);
  if (!what.isSchemaNew) return;
  // The row first, as whoever adds a player does; then those who change details, and cannot lock it.
  await lockGame(unit, game.id);
  await unit.sql(sql`select pg_advisory_xact_lock(hashtextextended('details of ' || ${game.id}::text, 0))`);
  await refuseUnfit(game, unit);
}

async function refuseUnfit(game: Game, unit: Unit<Repositories>): Promise<void> {
  const { readDetailsSchema } = await detailsSchema();
  let [checked, unfit] = [0, 0];
  let first: FieldProblem | undefined;
  let after: string | undefined;
  // bounded by: each batch begins after the last, and every player of the game comes once
  for (;;) {
    const players = await unit.players.list(
      { gameId: game.id, ...(after !== undefined && { id: { gt: after } }) },
      { orderBy: 'id', limit: BATCH_MAX },
    );
    // Read anew for each batch, since what is checked at once shares a budget.
    const check: DetailsCheck = readDetailsSchema(game.additionalDetailsSchema, SCHEMA_FIELD);
    for (const { additionalDetails } of players) {
      const [problem] = check.problemsOf(additionalDetails, 'additional_details');
      if (problem === undefined) continue;
      first ??= problem;
      unfit += 1;
    }
    checked += players.length;
    after = players.at(-1)?.id;
    if (players.length < BATCH_MAX) break;
  }
  if (first === undefined) return;
  throw new KeelsonError('CONFLICT', {
    message: `The details of ${unfit} of the ${checked} players of this game do not fit this schema: ${first.field} ${first.message}.`,
    hint: 'Let the schema take what there is, or change the details of these players first.',
  });
}

function checkDates({ startDate, endDate }: Game): void {
  if (startDate === null || endDate === null || endDate >= startDate) return;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.end_date', message: 'must not be before start_date' }] });
}
