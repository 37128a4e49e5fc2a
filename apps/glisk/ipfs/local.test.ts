/** The stand-in that stores content: real CIDs, whole files, nothing but what was put. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { base32 } from 'multiformats/bases/base32';
import { calmly } from '../outside.fixture.ts';
import { cidOf, LocalContents } from './local.ts';

const HELLO = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e';

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const made = await mkdtemp(path.join(tmpdir(), 'glisk-contents-'));
  return { path: made, [Symbol.asyncDispose]: () => rm(made, { recursive: true }) };
}

function named(text: string): { readonly bytes: Buffer; readonly name: string; readonly mediaType: string } {
  return { bytes: Buffer.from(text), name: 'hello.txt', mediaType: 'text/plain' };
}

// GLK-14
test('CIDs are those that the rest of the world gives the same bytes', async () => {
  assert.equal(await cidOf(Buffer.from('hello world')), HELLO);
  assert.equal(await cidOf(Buffer.alloc(0)), 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku');
});

/** A field of protocol buffers, written down by hand. */
function field(tag: number, value: number | Buffer): Buffer {
  const varint = (number: number): Buffer => {
    const out: number[] = [];
    let rest = number;
    for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    return Buffer.from([...out, rest]);
  };
  return typeof value === 'number'
    ? Buffer.concat([Buffer.from([tag]), varint(value)])
    : Buffer.concat([Buffer.from([tag]), varint(value.length), value]);
}

function cidBytes(codec: number, block: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1, codec, 0x12, 0x20]), createHash('sha256').update(block).digest()]);
}

// GLK-14
test('content of more than a block is the tree of UnixFS that its specification draws', async () => {
  const bytes = Buffer.alloc(1_500_000, 'keelson ');
  const leaves = [bytes.subarray(0, 1_048_576), bytes.subarray(1_048_576)];
  // @see https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/
  const links = leaves.map((leaf) =>
    field(0x12, Buffer.concat([field(0x0a, cidBytes(0x55, leaf)), field(0x12, Buffer.alloc(0)), field(0x18, leaf.length)])),
  );
  const data = Buffer.concat([field(0x08, 2), field(0x18, bytes.length), ...leaves.map((leaf) => field(0x20, leaf.length))]);
  const root = Buffer.concat([...links, field(0x0a, data)]);
  assert.equal(await cidOf(bytes), base32.encode(cidBytes(0x70, root)));
});

// GLK-14
test('content is put under its CID, once however often it is put, and got by whoever sees the folder', async () => {
  await using place = await folder();
  const store = new LocalContents(path.join(place.path, 'new'));
  const put = await Promise.all(Array.from({ length: 5 }, () => store.put(named('hello world'), calmly())));
  assert.deepEqual(new Set(put.map((each) => `${each.cid} ${String(each.sizeBytes)}`)), new Set([`${HELLO} 11`]));
  assert.deepEqual(await readdir(path.join(place.path, 'new')), [HELLO]);
  const got = await new LocalContents(path.join(place.path, 'new')).get(HELLO, calmly());
  assert.equal(Buffer.from(got).toString(), 'hello world');
});

// GLK-14
test('what is not there, is no CIDv1 or is damaged is refused', async () => {
  await using place = await folder();
  const store = new LocalContents(place.path);
  const { cid } = await store.put(named('hello world'), calmly());
  await writeFile(path.join(place.path, cid), 'jello world');
  const old = 'QmT5NvUtoM5nWFfrQdVrFtvGfKFmG7AHE8P34isapyhCxX';
  for (const bad of [cid, await cidOf(Buffer.from('never put')), old, '../../etc/passwd', '', '\0', `${cid}/..`]) {
    await assert.rejects(store.get(bad, calmly()), { code: 'OUTSIDE_REFUSED' }, bad);
  }
});

// GLK-14
test('a call that was given up before it began leaves nothing behind', async () => {
  await using place = await folder();
  const store = new LocalContents(place.path);
  const reason = new RangeError('enough');
  await assert.rejects(store.put(named('hello world'), { signal: AbortSignal.abort(reason) }), reason);
  await assert.rejects(store.get(HELLO, { signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual(await readdir(place.path), []);
});
