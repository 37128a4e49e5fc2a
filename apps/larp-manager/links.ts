/** Links between characters, groups and plots: said as lists of keys, written as the difference to what is there. */
import { KeelsonError } from 'keelson/errors';
import { type AnyTable, sql, type Sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import { Character } from './characters/entity.ts';
import { characters } from './characters/table.ts';
import type { CharacterGroup } from './groups/entity.ts';
import { lockGame } from './game-lock.ts';
import { characterGroups, groupCharacters } from './groups/table.ts';
import type { Repositories } from './model.ts';
import { Plot } from './plots/entity.ts';
import { plotCharacters, plotGroups, plots } from './plots/table.ts';

/** What can be linked. */
export type Linked = Character | CharacterGroup | Plot;

/** The links that an entity shall have; those of a kind that is not said stay as they are. */
export interface WantedLinks {
  readonly groupIds?: readonly string[] | undefined;
  readonly plotIds?: readonly string[] | undefined;
  readonly characterIds?: readonly string[] | undefined;
  readonly characterGroupIds?: readonly string[] | undefined;
}

/** One kind of links, seen from one of its two ends. */
interface Side {
  readonly field: keyof WantedLinks;
  readonly link: AnyTable;
  readonly own: Sql;
  readonly other: Sql;
  readonly target: AnyTable;
  readonly noun: string;
}

const character = sql`character_id`;
const group = sql`group_id`;
const plot = sql`plot_id`;

const ofCharacter: readonly Side[] = [
  { field: 'groupIds', link: groupCharacters, own: character, other: group, target: characterGroups, noun: 'groups' },
  { field: 'plotIds', link: plotCharacters, own: character, other: plot, target: plots, noun: 'plots' },
];
const ofGroup: readonly Side[] = [
  { field: 'characterIds', link: groupCharacters, own: group, other: character, target: characters, noun: 'characters' },
  { field: 'plotIds', link: plotGroups, own: group, other: plot, target: plots, noun: 'plots' },
];
const ofPlot: readonly Side[] = [
  { field: 'characterIds', link: plotCharacters, own: plot, other: character, target: characters, noun: 'characters' },
  { field: 'characterGroupIds', link: plotGroups, own: plot, other: group, target: characterGroups, noun: 'groups' },
];

/**
 * Gives a character, a group or a plot the links that are wanted, and takes the others. It flushes the unit first; the id arrays are in the
 * database at once, and in the entity when its repository refreshes it.
 *
 * @throws FORBIDDEN when the caller may not add them; links that the caller may not take stay, without an error, so guards ask first
 * @throws VALIDATION_ERROR naming the field, when a key is of no row of the same game that the caller may see
 */
export async function relink(unit: Unit<Repositories>, entity: Linked, wanted: WantedLinks): Promise<void> {
  const sides = sidesOf(entity).flatMap((side) => {
    const ids = wanted[side.field];
    return ids === undefined ? [] : [{ side, ids: [...new Set(ids)] }];
  });
  if (sides.length === 0) return;
  await queueLinks(unit, entity, wanted);
  await unit.flush();
  for (const change of sides) await replace(unit, entity, change);
}

/**
 * Waits until nobody else edits links of the game, if any are wanted, or the row is removed: links have two ends, and calls that lock them from
 * both sides would wait for each other in a circle. So whoever locks one of the ends waits here before.
 */
export async function queueLinks(unit: Unit<Repositories>, entity: Linked, wanted: WantedLinks | undefined): Promise<void> {
  if (wanted !== undefined && sidesOf(entity).every(({ field }) => wanted[field] === undefined)) return;
  await lockGame(unit, entity.gameId);
}

/** What one kind of links shall be. */
interface Change {
  readonly side: Side;
  readonly ids: readonly string[];
}

function sidesOf(entity: Linked): readonly Side[] {
  if (entity instanceof Character) return ofCharacter;
  return entity instanceof Plot ? ofPlot : ofGroup;
}

async function replace(unit: Unit<Repositories>, { id, gameId }: Linked, { side, ids }: Change): Promise<void> {
  const { link, own, other, target, noun, field } = side;
  const rows = await unit.sql(sql<{ found: number }>`
    with wanted as (select t.id from ${target} as t where t.game_id = ${gameId} and t.id = any(${ids}::uuid[])),
    gone as (delete from ${link} where ${own} = ${id} and ${other} <> all(${ids}::uuid[])),
    come as (
      insert into ${link} (game_id, ${own}, ${other})
      select ${gameId}::uuid, ${id}::uuid, w.id from wanted as w
      on conflict do nothing
    )
    select count(*)::integer as found from wanted`);
  const missing = ids.length - (rows[0]?.found ?? 0);
  if (missing === 0) return;
  const message =
    missing === 1 ? `names one of the ${noun} that is not in this game` : `names ${missing} ${noun} that are not in this game`;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: `body.${fieldNames[field]}`, message }] });
}

const fieldNames = {
  groupIds: 'group_ids',
  plotIds: 'plot_ids',
  characterIds: 'character_ids',
  characterGroupIds: 'character_group_ids',
} as const satisfies Record<keyof WantedLinks, string>;
