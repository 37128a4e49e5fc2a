/** Links between characters, groups and plots: said as lists of keys, written as the difference to what is there. */
import { KeelsonError } from 'keelson/errors';
import { type AnyTable, sql, type Sql } from 'keelson/schema';
import type { Unit } from 'keelson/work';
import { Character } from './characters/entity.ts';
import { characters } from './characters/table.ts';
import type { CharacterGroup } from './groups/entity.ts';
import { lockGame, lockGames } from './game-lock.ts';
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

/** One of several rows of a kind, what it shall be linked with, and where in a request that was said. */
export interface LinkedRow {
  readonly entity: Linked;
  readonly body: WantedLinks;
  readonly place: string;
}

/**
 * Gives a character, a group or a plot the links that are wanted, and takes the others. It flushes the unit first; the id arrays are in the
 * database at once, and in the entity when its repository refreshes it.
 *
 * @throws FORBIDDEN when the caller may not add them; links that the caller may not take stay, without an error, so guards ask first
 * @throws VALIDATION_ERROR naming the field, when a key is of no row of the same game that the caller may see
 */
export function relink(unit: Unit<Repositories>, entity: Linked, wanted: WantedLinks): Promise<void> {
  return relinkAll(unit, [{ entity, body: wanted, place: 'body' }]);
}

/**
 * The same for many rows of one kind, by one statement for each kind of links: however many they are, triggers write each array once.
 *
 * @throws FORBIDDEN, VALIDATION_ERROR as `relink` does
 */
export async function relinkAll(unit: Unit<Repositories>, rows: readonly LinkedRow[]): Promise<void> {
  const changes = sidesOf(rows).flatMap((side) => {
    const wanted = rows.flatMap(({ entity, body, place }) => {
      const ids = body[side.field];
      return ids === undefined ? [] : [{ entity, ids, place }];
    });
    return wanted.length === 0 ? [] : [{ side, wanted }];
  });
  if (changes.length === 0) return;
  await queueLinksOf(unit, rows);
  await unit.flush();
  for (const change of changes) await replace(unit, change);
}

/**
 * Waits until nobody else edits links of the game, if any are wanted, or the row is removed: links have two ends, and calls that lock them from
 * both sides would wait for each other in a circle. So whoever locks one of the ends waits here before.
 */
export async function queueLinks(unit: Unit<Repositories>, entity: Linked, wanted: WantedLinks | undefined): Promise<void> {
  if (wanted === undefined) await lockGame(unit, entity.gameId);
  else await queueLinksOf(unit, [{ entity, body: wanted }]);
}

/** The same for many rows of one kind, by one statement. */
export async function queueLinksOf(unit: Unit<Repositories>, rows: readonly Omit<LinkedRow, 'place'>[]): Promise<void> {
  const sides = sidesOf(rows);
  const linked = rows.filter(({ body }) => sides.some(({ field }) => body[field] !== undefined));
  if (linked.length > 0)
    await lockGames(
      unit,
      linked.map(({ entity }) => entity.gameId),
    );
}

/** What one kind of links shall be, for each row of which it was said. */
interface Change {
  readonly side: Side;
  readonly wanted: readonly { readonly entity: Linked; readonly ids: readonly string[]; readonly place: string }[];
}

function sidesOf([first]: readonly { readonly entity: Linked }[]): readonly Side[] {
  if (first === undefined) return [];
  if (first.entity instanceof Character) return ofCharacter;
  return first.entity instanceof Plot ? ofPlot : ofGroup;
}

async function replace(unit: Unit<Repositories>, { side, wanted }: Change): Promise<void> {
  const { link, own, other, target, noun, field } = side;
  const owners = wanted.map(({ entity }) => entity.id);
  const games = wanted.map(({ entity }) => entity.gameId);
  const pairs = wanted.flatMap(({ ids }, at) => [...new Set(ids)].map((id) => ({ at, id })));
  const rows = await unit.sql(sql<{ at: number; missing: number }>`
    with wanted as (
      select p.at, o.game_id, o.id as own, p.id as other, t.id is not null as is_found
      from unnest(${pairs.map(({ at }) => at)}::integer[], ${pairs.map(({ id }) => id)}::uuid[]) as p (at, id)
      join unnest(${owners}::uuid[], ${games}::uuid[]) with ordinality as o (id, game_id, number) on o.number = p.at + 1
      left join ${target} as t on t.id = p.id and t.game_id = o.game_id
    ),
    gone as (
      delete from ${link} as l where l.${own} = any(${owners}::uuid[])
      and not exists (select from wanted as w where w.own = l.${own} and w.other = l.${other})
    ),
    come as (
      insert into ${link} (game_id, ${own}, ${other})
      select w.game_id, w.own, w.other from wanted as w where w.is_found
      on conflict do nothing
    )
    select w.at, count(*)::integer as missing from wanted as w where not w.is_found group by w.at order by w.at`);
  if (rows.length === 0) return;
  const validationErrors = rows.map(({ at, missing }) => ({
    field: `${wanted[at]?.place ?? 'body'}.${fieldNames[field]}`,
    message: missing === 1 ? `names one of the ${noun} that is not in this game` : `names ${missing} ${noun} that are not in this game`,
  }));
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors });
}

const fieldNames = {
  groupIds: 'group_ids',
  plotIds: 'plot_ids',
  characterIds: 'character_ids',
  characterGroupIds: 'character_group_ids',
} as const satisfies Record<keyof WantedLinks, string>;
