/** The stand-in that draws pictures, and the folder that keeps them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { decode } from 'fast-png';
import { systemClock } from 'keelson/clock';
import { calmly } from '../outside.fixture.ts';
import { LocalPictures, PictureFolder } from './local.ts';
import type { Picture } from './schema.ts';

const maker = new LocalPictures({ clock: systemClock, sizePx: 64 });

async function make(prompt: string, seed: number): Promise<Picture> {
  return maker.make({ prompt, seed }, calmly());
}

// GLK-14
test('a picture is a real PNG of many colours, the same byte for byte for the same prompt and seed, and another for others', async () => {
  const picture = await make('a golden desert', 7);
  const { width, height, channels, data } = decode(picture.bytes);
  assert.deepEqual([width, height, channels, picture.mediaType, picture.jobId], [64, 64, 3, 'image/png', null]);
  const colours = new Set(Array.from({ length: 64 * 64 }, (_, at) => data.slice(at * 3, at * 3 + 3).join()));
  assert.ok(colours.size > 500, String(colours.size));
  assert.deepEqual((await make('a golden desert', 7)).bytes, picture.bytes);
  assert.notDeepEqual((await make('a golden desert', 8)).bytes, picture.bytes);
  assert.notDeepEqual((await make('a golden desert!', 7)).bytes, picture.bytes);
});

// GLK-14
test('the words of a prompt show: another colour, and stars at night', async () => {
  const sky = async (prompt: string): Promise<Iterable<number>> => decode((await make(prompt, 1)).bytes).data.slice(0, 3);
  const [red = 0, , blue = 0] = await sky('a golden desert by day');
  assert.ok(red > blue);
  const [red2 = 0, , blue2 = 0] = await sky('rain over the blue hills');
  assert.ok(blue2 > red2);
  assert.notDeepEqual(await make('hills', 3), await make('hills at night', 3));
});

// GLK-14
for (const prompt of [
  '',
  '\0',
  '"; drop table tokens_s0; --',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  '\u202e\ud800 😀'.repeat(100),
  'a'.repeat(500),
]) {
  test(`the prompt ${JSON.stringify(prompt.slice(0, 24))} is drawn like any other`, async () => {
    assert.equal(decode((await make(prompt, 0)).bytes).width, 64);
  });
}

// GLK-14
test('a seed is a whole number from 0, and another will never be', async () => {
  for (const seed of [-1, 0.5, Number.NaN, Infinity]) await assert.rejects(make('hills', seed), { code: 'OUTSIDE_REFUSED' });
});

// GLK-14
test('drawing ends when nobody wants the picture any more, before it begins and on the way', async () => {
  const reason = new RangeError('enough');
  await assert.rejects(maker.make({ prompt: 'hills', seed: 1 }, { signal: AbortSignal.abort(reason) }), reason);
  const later = new AbortController();
  const drawing = maker.make({ prompt: 'hills', seed: 1 }, { signal: later.signal });
  later.abort(reason);
  await assert.rejects(drawing, reason);
});

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const made = await mkdtemp(path.join(tmpdir(), 'glisk-pictures-'));
  return { path: made, [Symbol.asyncDispose]: () => rm(made, { recursive: true }) };
}

// GLK-14
test('a picture is kept under the hash of its bytes, and read by whoever sees the folder', async () => {
  await using place = await folder();
  const picture = await make('hills', 1);
  const store = new PictureFolder(path.join(place.path, 'new'), systemClock);
  const name = await store.keep(picture);
  assert.equal(name, `${createHash('sha256').update(picture.bytes).digest('hex')}.png`);
  assert.equal(await store.keep(picture), name);
  assert.deepEqual(await readdir(path.join(place.path, 'new')), [name]);
  const read = await new PictureFolder(path.join(place.path, 'new'), systemClock).read(name);
  assert.deepEqual(Buffer.from(read.bytes), Buffer.from(picture.bytes));
  assert.equal(read.mediaType, 'image/png');
});

// GLK-14
test('what is not there, is damaged or was never a path of the folder is refused', async () => {
  await using place = await folder();
  const store = new PictureFolder(place.path, systemClock);
  const name = await store.keep(await make('hills', 1));
  await writeFile(path.join(place.path, name), 'other bytes');
  for (const bad of [name, `${'0'.repeat(64)}.png`, '../../../etc/passwd', '/etc/passwd', '', '\0', `${name}/..`]) {
    await assert.rejects(store.read(bad), { code: 'OUTSIDE_REFUSED' }, bad);
  }
});

// GLK-14
test('pictures go by age, and one that is kept again is young again', async () => {
  await using place = await folder();
  let nowMs = Date.UTC(2026, 0, 1);
  const store = new PictureFolder(place.path, { now: () => new Date(nowMs) });
  const old = await store.keep(await make('hills', 1));
  const again = await store.keep(await make('hills', 2));
  nowMs += 60_000;
  await store.keep(await make('hills', 2));
  assert.equal(await store.removeOlderThan(30_000), 1);
  assert.deepEqual(await readdir(place.path), [again]);
  await assert.rejects(store.read(old), { code: 'OUTSIDE_REFUSED' });
  assert.equal(await new PictureFolder(path.join(place.path, 'none'), systemClock).removeOlderThan(0), 0);
});
