/** Pinata's client against a server that speaks its documented HTTP, and that fails as such servers do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from 'keelson/errors';
import { bytes, calmly, failures, type FakeService, json, jsonFailures, startService } from '../outside.fixture.ts';
import { PinataContents } from './client.ts';
import { cidOf } from './local.ts';

const content = { bytes: Buffer.from('hello world'), name: '../"evil"\r\nname 😀.png', mediaType: 'image/png' };
const HELLO = await cidOf(content.bytes);

function client(service: FakeService, timeoutMs = 10_000): PinataContents {
  return new PinataContents({ jwt: 'pinata-secret', uploadUrl: service.url, gatewayUrl: service.url, timeoutMs });
}

/** What Pinata answers, with all that it documents. */
function stored(cid: string): Readonly<Record<string, unknown>> {
  const data = {
    id: '349f1bb2',
    name: 'x',
    cid,
    size: 11,
    created_at: '2026-01-01',
    number_of_files: 1,
    mime_type: 'image/png',
    group_id: null,
  };
  return { data: { ...data, network: 'public', is_duplicate: true } };
}

// GLK-14
test('content is uploaded as a form to the public network, under a name of plain letters', async () => {
  await using service = await startService(() => json(stored(HELLO)));
  assert.deepEqual(await client(service).put(content, calmly()), { cid: HELLO, sizeBytes: 11 });
  const [seen] = service.seen;
  assert.deepEqual([seen?.method, seen?.path, seen?.headers.authorization], ['POST', '/v3/files', 'Bearer pinata-secret']);
  const form = String(seen?.body);
  assert.match(form, /name="network"\r\n\r\npublic\r\n/u);
  assert.match(form, /name="name"\r\n\r\n\.\.__evil___name__\.png\r\n/u);
  assert.match(form, /name="file"; filename="\.\.__evil___name__\.png"\r\nContent-Type: image\/png\r\n\r\nhello world\r\n/u);
});

// GLK-14
for (const failure of jsonFailures) {
  test(`${failure.name} when content is put is ${failure.code}`, async () => {
    await using service = await startService(() => failure.behaviour);
    const timeoutMs = /time-out|stands still/u.test(failure.name) ? 60 : 10_000;
    await assert.rejects(client(service, timeoutMs).put(content, calmly()), (error) => {
      assert.ok(isKeelsonError(error, failure.code), String(error));
      assert.equal(error.retryAfterS, failure.retryAfterS);
      return !error.message.includes('pinata-secret');
    });
  });
}

// GLK-14
for (const failure of failures) {
  test(`${failure.name} when content is got is ${failure.code}`, async () => {
    await using service = await startService(() => failure.behaviour);
    const timeoutMs = /time-out|stands still/u.test(failure.name) ? 60 : 10_000;
    await assert.rejects(client(service, timeoutMs).get(HELLO, calmly()), { code: failure.code });
  });
}

// GLK-14
for (const [name, cid] of [
  ['no CID', 'not-a-cid'],
  ['a CID of version 0', 'QmT5NvUtoM5nWFfrQdVrFtvGfKFmG7AHE8P34isapyhCxX'],
  ['the CID of other bytes', await cidOf(Buffer.from('jello world'))],
] as const) {
  test(`an upload that is answered with ${name} is not taken for done`, async () => {
    await using service = await startService(() => json(stored(cid)));
    await assert.rejects(client(service).put(content, calmly()), { code: 'OUTSIDE_UNAVAILABLE' });
  });
}

// GLK-14
test('the CID of content that Pinata cut into blocks is taken as Pinata gives it', async () => {
  const large = { ...content, bytes: Buffer.alloc(1_500_000, 'keelson ') };
  const cid = await cidOf(large.bytes);
  assert.match(cid, /^bafybei/u);
  await using service = await startService(() => json(stored(cid)));
  assert.deepEqual(await client(service).put(large, calmly()), { cid, sizeBytes: 1_500_000 });
});

// GLK-14
test('content is got over the gateway, without the key, and held against its CID', async () => {
  await using service = await startService((_seen, index) => bytes(index === 0 ? content.bytes : Buffer.from('<html>slow down</html>')));
  assert.equal(Buffer.from(await client(service).get(HELLO, calmly())).toString(), 'hello world');
  assert.deepEqual([service.seen[0]?.path, service.seen[0]?.headers.authorization], [`/ipfs/${HELLO}`, undefined]);
  await assert.rejects(client(service).get(HELLO, calmly()), { code: 'OUTSIDE_UNAVAILABLE' });
  await assert.rejects(client(service).get('../v3/files', calmly()), { code: 'OUTSIDE_REFUSED' });
  assert.equal(service.seen.length, 2);
});
