/** Id arrays follow their rows, whoever writes those; nobody writes the arrays; links stay within a game. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { sql } from 'keelson/schema';
import { CharacterGroup } from './groups/entity.ts';
import { groupCharacters } from './groups/table.ts';
import { compareArrays, editAtRandom } from './id-arrays.fixture.ts';
import { relink } from './links.ts';
import { Plot } from './plots/entity.ts';
import { plotCharacters } from './plots/table.ts';
import { addTwoGames, openLarp, viewOf } from './rows.fixture.ts';

const conflict = (error: unknown): boolean => isKeelsonError(error, 'CONFLICT');

async function open() {
  const database = await openLarp();
  const games = await addTwoGames(database);
  const view = viewOf(database, games.viewers.superuser);
  return { ...games, database, view, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

// LRP-12 LRP-15
test('what is linked shows at both ends, in one order, and raises the version of both', async () => {
  await using larp = await open();
  const { view, north } = larp;
  const before = await view.read(({ characters }) => characters.get(north.cnut.id));
  await view.work(async (unit) => {
    const cnut = await unit.characters.get(north.cnut.id);
    await relink(unit, cnut, { groupIds: [north.crew.id], plotIds: [north.feud.id, north.raid.id, north.feud.id] });
    await unit.characters.refresh([cnut]);
    assert.deepEqual(cnut.plotIds, [north.raid.id, north.feud.id].toSorted());
  });
  const after = await view.read(({ characters }) => characters.get(north.cnut.id));
  assert.deepEqual(after.groupIds, [north.crew.id]);
  assert.equal(after.version, before.version + 2);
  assert.ok(after.updatedAt > before.updatedAt);
  const crew = await view.read(({ characterGroups }) => characterGroups.get(north.crew.id));
  assert.deepEqual(crew.characterIds, [north.astrid.id, north.bjarne.id, north.cnut.id].toSorted());
  assert.deepEqual((await compareArrays(view)).different, []);
});

test('links that are there already are left alone, and so are the rows at their ends', async () => {
  await using larp = await open();
  const { view, north } = larp;
  const versions = () =>
    view.read(async ({ characters, plots }) => [(await characters.get(north.astrid.id)).version, (await plots.get(north.raid.id)).version]);
  const before = await versions();
  await view.work(async (unit) =>
    relink(unit, await unit.plots.get(north.raid.id), { characterIds: [north.astrid.id], characterGroupIds: [] }),
  );
  await view.work(async (unit) => relink(unit, await unit.plots.get(north.raid.id), {}));
  assert.deepEqual(await versions(), before);
});

test('links of every kind of statement are followed: a key that changes, a move, many at once, TRUNCATE, what is rolled back', async () => {
  await using larp = await open();
  const { database, view, north } = larp;
  const id = '019aa1c8-0000-7000-8000-00000000000a';
  await view.work((unit) => unit.sql(sql`update larp_manager.characters set id = ${id} where id = ${north.astrid.id}`));
  assert.deepEqual(await view.read(async ({ plots }) => (await plots.get(north.raid.id)).characterIds), [id]);
  await view.work((unit) => unit.sql(sql`update ${plotCharacters} set plot_id = ${north.feud.id} where character_id = ${id}`));
  assert.deepEqual(await view.read(async ({ plots }) => (await plots.get(north.raid.id)).characterIds), []);
  assert.deepEqual(await compareArrays(view), { different: [], ids: 21 });
  const undone = view.work(async (unit) => {
    await unit.sql(sql`delete from ${groupCharacters}`);
    throw new RangeError('no');
  });
  await assert.rejects(undone, RangeError);
  assert.deepEqual(await compareArrays(view), { different: [], ids: 21 });
  await database[Symbol.asyncDispose]();
  await using owner = await openLarp({ role: 'owner' });
  const again = await addTwoGames(owner);
  await owner.work((unit) => unit.sql(sql`truncate ${groupCharacters}`));
  assert.deepEqual((await compareArrays(owner)).different, []);
  assert.deepEqual(await owner.read(async ({ characters }) => (await characters.get(again.north.astrid.id)).groupIds), []);
});

test('nobody writes an array: neither in a new row nor in an old one, neither alone nor beside other columns', async () => {
  await using larp = await open();
  const { view, north } = larp;
  const writes = [
    () => view.work((unit) => void unit.plots.add(new Plot({ gameId: north.game.id, name: 'Sly', characterIds: [north.cnut.id] }))),
    () => view.work(async (unit) => void (await unit.characters.get(north.cnut.id)).plotIds.push(north.raid.id)),
    () => view.work((unit) => unit.sql(sql`update larp_manager.games set name = 'x', gm_ids = '{}' where id = ${north.game.id}`)),
    () => view.work((unit) => unit.sql(sql`update larp_manager.character_groups set plot_ids = '{}' where id = ${north.crew.id}`)),
  ];
  for (const write of writes) await assert.rejects(write(), (error) => isKeelsonError(error, 'DATABASE_ERROR'));
  assert.deepEqual((await compareArrays(view)).different, []);
});

test('a link holds two rows of one game, and so does a character its player', async () => {
  await using larp = await open();
  const { view, north, south } = larp;
  const linked = view.work(async (unit) =>
    relink(unit, await unit.characters.get(north.cnut.id), { groupIds: [south.court.id, north.crew.id], plotIds: [] }),
  );
  await assert.rejects(linked, (error) => {
    assert.ok(isKeelsonError(error, 'VALIDATION_ERROR'));
    assert.deepEqual(error.validationErrors, [{ field: 'body.group_ids', message: 'names one of the groups that is not in this game' }]);
    return true;
  });
  const insert = sql`insert into ${groupCharacters} (game_id, group_id, character_id)`;
  for (const game of [north.game.id, south.game.id]) {
    await assert.rejects(
      view.work((unit) => unit.sql(sql`${insert} values (${game}, ${south.court.id}, ${north.cnut.id})`)),
      conflict,
    );
  }
  await assert.rejects(
    view.work(async (unit) => {
      (await unit.characters.get(north.cnut.id)).playerId = south.catPlays.id;
    }),
    conflict,
  );
});

test('what is linked is not removed', async () => {
  await using larp = await open();
  const { view, north } = larp;
  const removals = [
    () => view.work(async ({ characters }) => characters.remove(await characters.get(north.astrid.id))),
    () => view.work(async ({ characterGroups }) => characterGroups.remove(await characterGroups.get(north.crew.id))),
    () => view.work(async ({ plots }) => plots.remove(await plots.get(north.feud.id))),
    () => view.work(async ({ players }) => players.remove(await players.get(north.annPlays.id))),
    () => view.work(async ({ games }) => games.remove(await games.get(north.game.id))),
    () => view.work(async ({ users }) => users.remove(await users.get(larp.users.ann.id))),
  ];
  for (const removal of removals) await assert.rejects(removal(), conflict);
  await view.work(async (unit) => {
    const crew = unit.characterGroups.add(new CharacterGroup({ gameId: north.game.id, name: 'Empty' }));
    await unit.flush();
    unit.characterGroups.remove(crew);
  });
});

// LRP-15: at length in id-arrays.slow.test.ts.
test('four edit at once, at random, and every array says what the links say', async () => {
  await using larp = await open();
  const { view, north } = larp;
  const edited = {
    gameId: north.game.id,
    characterIds: [north.astrid.id, north.bjarne.id, north.cnut.id],
    groupIds: [north.crew.id],
    plotIds: [north.raid.id, north.feud.id],
  };
  await Promise.all(Array.from({ length: 4 }, (_, seed) => editAtRandom(view, edited, { seed, count: 12, kinds: 3 })));
  const { different, ids } = await compareArrays(view);
  assert.deepEqual(different, []);
  assert.ok(ids > 5);
});
