/** What id arrays must say, asked of the database; and one process of edits that changes links at random beside others. */
import { isKeelsonError } from 'keelson/errors';
import { sql, type Sql } from 'keelson/schema';
import type { Database } from 'keelson/work';
import { CharacterGroup } from './groups/entity.ts';
import { groupCharacters } from './groups/table.ts';
import { relink } from './links.ts';
import type { Repositories } from './model.ts';
import { Plot } from './plots/entity.ts';
import { plotCharacters, plotGroups } from './plots/table.ts';

interface Compared {
  readonly parent: Sql;
  readonly array: Sql;
  readonly source: Sql;
  readonly key: Sql;
  readonly member: Sql;
}

const compared: readonly Compared[] = [
  { parent: sql`games`, array: sql`gm_ids`, source: sql`gms`, key: sql`game_id`, member: sql`id` },
  { parent: sql`games`, array: sql`player_ids`, source: sql`players`, key: sql`game_id`, member: sql`id` },
  { parent: sql`characters`, array: sql`group_ids`, source: sql`group_characters`, key: sql`character_id`, member: sql`group_id` },
  { parent: sql`characters`, array: sql`plot_ids`, source: sql`plot_characters`, key: sql`character_id`, member: sql`plot_id` },
  {
    parent: sql`character_groups`,
    array: sql`character_ids`,
    source: sql`group_characters`,
    key: sql`group_id`,
    member: sql`character_id`,
  },
  { parent: sql`character_groups`, array: sql`plot_ids`, source: sql`plot_groups`, key: sql`group_id`, member: sql`plot_id` },
  { parent: sql`plots`, array: sql`character_ids`, source: sql`plot_characters`, key: sql`plot_id`, member: sql`character_id` },
  { parent: sql`plots`, array: sql`character_group_ids`, source: sql`plot_groups`, key: sql`plot_id`, member: sql`group_id` },
];

/** The rows whose arrays say something else than the rows that they follow, as `table.array key`; and how many keys all arrays hold. */
export async function compareArrays(
  view: Database<Repositories>,
): Promise<{ readonly different: readonly string[]; readonly ids: number }> {
  const parts = compared.map(
    ({ parent, array, source, key, member }) => sql`
      select ${parent.strings[0]}::text || '.' || ${array.strings[0]}::text || ' ' || p.id as place, p.${array} as said, l.ids as meant
      from larp_manager.${parent} as p
      cross join lateral (
        select coalesce(array_agg(s.${member} order by s.${member}), '{}') as ids from larp_manager.${source} as s where s.${key} = p.id
      ) as l`,
  );
  const rows = await view.work((unit) =>
    unit.sql(sql<{ different: string[]; ids: string }>`
      select coalesce(array_agg(place) filter (where said is distinct from meant), '{}') as different, sum(cardinality(said)) as ids
      from (${sql.join(parts, ' union all ')}) as every`),
  );
  return { different: rows[0]?.different ?? [], ids: Number(rows[0]?.ids) };
}

/** What one process of edits works on. */
export interface Edited {
  readonly gameId: string;
  readonly characterIds: readonly string[];
  readonly groupIds: readonly string[];
  readonly plotIds: readonly string[];
}

const KINDS = 8;
const EDIT_ATTEMPTS_MAX = 50;

/** How one process of edits goes about it. */
export interface Editing {
  readonly seed: number;
  readonly count: number;
  /** How many of the kinds of edits take part: the first three are those of the app, the others are of SQL by hand, and cross each other. */
  readonly kinds?: number;
  /** Said by a superuser: how soon edits that wait for each other in a circle are told so. */
  readonly deadlockMs?: number;
}

/** Edits links at random, the same for the same seed. */
export async function editAtRandom(
  view: Database<Repositories>,
  edited: Edited,
  { seed, count, kinds = KINDS, deadlockMs }: Editing,
): Promise<void> {
  const random = randomOf(seed);
  for (let number = 0; number < count; number += 1) {
    const kind = Math.floor(random() * kinds);
    const picks = {
      character: pick(edited.characterIds, random),
      group: pick(edited.groupIds, random),
      plot: pick(edited.plotIds, random),
    };
    const some = {
      characterIds: edited.characterIds.filter(() => random() < 0.3),
      groupIds: edited.groupIds.filter(() => random() < 0.3),
      plotIds: edited.plotIds.filter(() => random() < 0.3),
    };
    await edit(view, edited.gameId, { kind, picks, some, deadlockMs });
  }
}

interface Edit {
  readonly deadlockMs: number | undefined;
  readonly kind: number;
  readonly picks: { readonly character: string; readonly group: string; readonly plot: string };
  readonly some: { readonly characterIds: string[]; readonly groupIds: string[]; readonly plotIds: string[] };
}

async function edit(view: Database<Repositories>, gameId: string, { kind, picks, some, deadlockMs }: Edit): Promise<void> {
  const { character, group, plot } = picks;
  // Edits that cross each other may deadlock: the unit is run again, here more often than a call would.
  const work = view.work(
    async (unit) => {
      if (deadlockMs !== undefined) {
        await unit.sql(sql`
          select set_config('deadlock_timeout', ${`${deadlockMs}ms`}, true), set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`);
      }
      if (kind === 0) await relink(unit, await unit.characters.get(character), { groupIds: some.groupIds, plotIds: some.plotIds });
      if (kind === 1) await relink(unit, await unit.characterGroups.get(group), { characterIds: some.characterIds, plotIds: some.plotIds });
      if (kind === 2) await relink(unit, await unit.plots.get(plot), { characterIds: some.characterIds, characterGroupIds: some.groupIds });
      if (kind === 3) await unit.sql(sql`delete from ${groupCharacters} where character_id = ${character} or group_id = ${group}`);
      if (kind === 4)
        await unit.sql(sql`update ${plotCharacters} set character_id = ${character} where plot_id = ${plot} and not exists (
        select from ${plotCharacters} where plot_id = ${plot} and character_id = ${character}) and character_id = (
        select min(character_id::text)::uuid from ${plotCharacters} where plot_id = ${plot})`);
      if (kind === 5) {
        (await unit.plots.get(plot, { lock: true })).description = `Seen by ${character}`;
        await unit.sql(sql`delete from ${plotGroups} where plot_id = ${plot}`);
      }
      if (kind === 6) {
        const made = unit.plots.add(new Plot({ gameId, name: 'Passing' }));
        await relink(unit, made, { characterIds: some.characterIds, characterGroupIds: some.groupIds });
      }
      if (kind === 7) {
        const made = unit.characterGroups.add(new CharacterGroup({ gameId, name: 'Passing' }));
        await relink(unit, made, { characterIds: some.characterIds, plotIds: [plot] });
        await relink(unit, made, { characterIds: [character], plotIds: [] });
      }
    },
    { name: 'edit', retriesMax: EDIT_ATTEMPTS_MAX },
  );
  try {
    await work;
  } catch (error) {
    // A link was moved to where another edit has put one meanwhile: nothing of this edit is kept.
    if (kind !== 4 || !isKeelsonError(error, 'CONFLICT')) throw error;
  }
}

function pick(ids: readonly string[], random: () => number): string {
  return ids[Math.floor(random() * ids.length)] ?? '';
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
