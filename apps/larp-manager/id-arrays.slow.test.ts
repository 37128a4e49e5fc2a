/** Many edit links at once, at random, in every way there is: afterwards every array says what the links say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import type { Database } from 'keelson/work';
import { Character } from './characters/entity.ts';
import { CharacterGroup } from './groups/entity.ts';
import { compareArrays, editAtRandom, type Edited } from './id-arrays.fixture.ts';
import type { Repositories } from './model.ts';
import { Plot } from './plots/entity.ts';
import { addTwoGames, openLarp } from './rows.fixture.ts';

const EDITORS = 10;
const EDITS = 40;
const DEADLOCK_MS = 20;

async function addMore(database: Database<Repositories>): Promise<Edited> {
  const { north } = await addTwoGames(database);
  const gameId = north.game.id;
  return database.work(({ characters, characterGroups, plots }) => {
    const names = Array.from({ length: 8 }, (_, number) => `Number ${number}`);
    return {
      gameId,
      characterIds: names.map((name) => characters.add(new Character({ gameId, name })).id),
      groupIds: names.slice(4).map((name) => characterGroups.add(new CharacterGroup({ gameId, name })).id),
      plotIds: names.slice(3).map((name) => plots.add(new Plot({ gameId, name })).id),
    };
  });
}

// LRP-12 LRP-15
test(`${EDITORS} editors at once, ${EDITS} edits each, some of which deadlock and run again: no array differs from its links`, async () => {
  await using database = await openLarp({ role: 'owner', poolSize: EDITORS, poolWaitMs: 60_000, isolation: 'database' });
  const edited = await addMore(database);
  const editing = Array.from({ length: EDITORS }, (_, seed) =>
    editAtRandom(database, edited, { seed, count: EDITS, deadlockMs: DEADLOCK_MS }),
  );
  await Promise.all(editing);
  const { different, ids } = await compareArrays(database);
  assert.deepEqual(different, []);
  assert.ok(ids > EDITS, `${ids} keys were compared`);
});

test('where the triggers are off, the same comparison finds what differs', async () => {
  await using database = await openLarp({ role: 'owner', isolation: 'database' });
  const edited = await addMore(database);
  await database.work((unit) =>
    unit.sql(sql`alter table larp_manager.group_characters disable trigger group_characters_keep_characters_on_insert`),
  );
  await editAtRandom(database, edited, { seed: 1, count: 10, kinds: 2 });
  const { different } = await compareArrays(database);
  assert.ok(different.length > 0 && different.every((place) => place.startsWith('characters.group_ids ')), different.join(', '));
});
