/** What nobody else would come back to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { silentLog } from 'keelson/log';
import { addTokens, type GliskDatabase, openGlisk } from '../rows.fixture.ts';
import { UpkeepService } from './service.ts';

const MINUTE_MS = 60_000;

/** Upkeep of a database, by a clock that is moved by hand. */
function upkeepOf(database: GliskDatabase) {
  let skippedMs = 0;
  const forgotten: number[] = [];
  const clock = { now: () => new Date(systemClock.now().getTime() + skippedMs) };
  const pictures = {
    keep: () => Promise.reject(new TypeError('nothing is kept here')),
    read: () => Promise.reject(new TypeError('nothing is read here')),
    removeOlderThan: (ageMs: number) => Promise.resolve(forgotten.push(ageMs)),
  };
  const service = new UpkeepService({ database, pictures, clock });
  return { service, forgotten, skip: (durationMs: number) => void (skippedMs += durationMs) };
}

// GLK-14
test('a token that is left in generation and held by nobody goes back to its beginning, once it has been so for a minute', async () => {
  await using database = await openGlisk();
  const { tokens } = await addTokens(database, { count: 3 });
  const { service, skip } = upkeepOf(database);
  await database.work(async (unit) => {
    const [first, second, third] = await unit.tokens.getPendingForGeneration(3);
    first?.markGenerating();
    second?.markGenerating();
    third?.markGenerating();
    // A worker holds it: its lease tells what becomes of it.
    Object.assign(third ?? {}, { leaseOwner: 7, leaseEpoch: 1 });
  });
  assert.equal(await service.recover(silentLog), 0);
  skip(MINUTE_MS / 2);
  assert.equal(await service.recover(silentLog), 0);
  // Whoever began the second has come back meanwhile.
  await database.work(async (unit) => (await unit.tokens.get(tokens[1]?.id ?? '')).markUploading('a.png'));
  skip(MINUTE_MS);
  assert.equal(await service.recover(silentLog), 1);
  const states = await database.read(({ tokens: all }) => all.list({}, { orderBy: 'tokenId' }));
  assert.deepEqual(
    states.map(({ status }) => status),
    ['detected', 'uploading', 'generating'],
  );
  skip(MINUTE_MS);
  assert.equal(await service.recover(silentLog), 0);
});

// GLK-14
test('a token that was recovered and is left again waits its minute again', async () => {
  await using database = await openGlisk();
  await addTokens(database, { count: 1 });
  const { service, skip } = upkeepOf(database);
  const begin = (): Promise<unknown> => database.work(async ({ tokens }) => (await tokens.getPendingForGeneration(1))[0]?.markGenerating());
  await begin();
  await service.recover(silentLog);
  skip(MINUTE_MS);
  assert.equal(await service.recover(silentLog), 1);
  await begin();
  assert.equal(await service.recover(silentLog), 0);
  skip(MINUTE_MS);
  assert.equal(await service.recover(silentLog), 1);
});

// GLK-14
test('a token that another transaction has locked is not touched', async () => {
  await using database = await openGlisk();
  await addTokens(database, { count: 1, status: 'generating' });
  const { service, skip } = upkeepOf(database);
  await service.recover(silentLog);
  skip(MINUTE_MS);
  const held = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const holding = database.work(async ({ tokens }) => {
    await tokens.claim({ status: 'generating' });
    held.resolve();
    await over.promise;
  });
  await held.promise;
  assert.equal(await service.recover(silentLog), 0);
  over.resolve();
  await holding;
  assert.equal(await service.recover(silentLog), 0);
  skip(MINUTE_MS);
  assert.equal(await service.recover(silentLog), 1);
});

test('pictures are forgotten after a week', async () => {
  await using database = await openGlisk();
  const { service, forgotten } = upkeepOf(database);
  await service.forgetPictures(silentLog);
  assert.deepEqual(forgotten, [7 * 24 * 60 * MINUTE_MS]);
});
