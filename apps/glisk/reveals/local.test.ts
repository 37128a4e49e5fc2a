/** The embedded chain: what it mines, what it refuses, and that many processes share it. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { keccak256, toHex } from 'viem';
import { calmly } from '../outside.fixture.ts';
import { chainPlace, clientOf, revealsOf } from './chain.fixture.ts';
import { localKeeperKey } from './local.ts';

// GLK-14
test('a batch is signed, mined and seen on the chain, with what it cost to the last wei', async () => {
  await using place = await chainPlace();
  const chain = clientOf(place.open());
  const signed: string[] = [];
  const batch = revealsOf(...Array.from({ length: 50 }, (_, index) => index));
  const sent = await chain.send(batch, { ...calmly(), onSigned: (each) => void signed.push(each.txHash) });
  assert.deepEqual(signed, [sent.txHash]);
  assert.match(sent.txHash, /^0x[0-9a-f]{64}$/u);
  assert.match(sent.gasPriceGwei, /^\d+\.\d{9}$/u);
  assert.deepEqual(await chain.wait(sent.txHash, calmly()), { txHash: sent.txHash, blockNumber: 1, gasPriceGwei: '2.000000007' });
  assert.deepEqual(
    await chain.listRevealed([...revealsOf(0, 49, 50), { tokenId: 1, metadataUri: 'ipfs://another' }], calmly()),
    revealsOf(0, 49),
  );
});

// GLK-14
test('the hash is told before anything goes out, and when writing it down fails nothing does', async () => {
  await using place = await chainPlace();
  const chain = clientOf(place.open());
  let told = '';
  const onSigned = ({ txHash }: { readonly txHash: string }): Promise<void> => {
    told = txHash;
    return Promise.reject(new RangeError('the database is gone'));
  };
  await assert.rejects(chain.send(revealsOf(1), { ...calmly(), onSigned }), { message: /the database is gone/u });
  assert.match(told, /^0x/u);
  assert.equal(await chain.find(told, calmly()), null);
  assert.deepEqual(await readdir(place.directory), []);
});

// GLK-14
test('a token that has its metadata already, or stands twice in a batch, is refused before anything is sent', async () => {
  await using place = await chainPlace();
  const chain = clientOf(place.open());
  const { txHash } = await chain.send(revealsOf(1, 2), calmly());
  await chain.wait(txHash, calmly());
  const onSigned = (): void => assert.fail('nothing may be signed');
  for (const batch of [revealsOf(3, 2), revealsOf(4, 4)]) {
    const message = `The contract refuses: TokenAlreadyRevealed(${String(batch[1]?.tokenId)}).`;
    await assert.rejects(chain.send(batch, { ...calmly(), onSigned }), { code: 'OUTSIDE_REFUSED', message });
  }
  for (const many of [0, 51]) {
    const batch = revealsOf(...Array.from({ length: many }, (_, index) => 100 + index));
    await assert.rejects(chain.send(batch, { ...calmly(), onSigned }), { code: 'OUTSIDE_REFUSED' });
  }
});

// GLK-14
test('a batch that reverts is mined, reveals nothing, and is refused whoever looks', async () => {
  await using place = await chainPlace();
  const chain = clientOf(place.open({ trouble: (tokenIds) => (tokenIds.includes(7) ? 'revert' : undefined) }));
  const { txHash } = await chain.send(revealsOf(7, 8), calmly());
  await assert.rejects(chain.wait(txHash, calmly()), { code: 'OUTSIDE_REFUSED', message: `The chain reverted ${txHash} in block 1.` });
  await assert.rejects(clientOf(place.open()).find(txHash, calmly()), { code: 'OUTSIDE_REFUSED' });
  assert.deepEqual(await chain.listRevealed(revealsOf(7, 8), calmly()), []);
  // The nonce is used up: the next one is mined.
  const next = await chain.send(revealsOf(8), calmly());
  assert.equal((await chain.wait(next.txHash, calmly())).blockNumber, 2);
});

// GLK-14
test('a transaction that is forgotten is waited for in vain, and may be sent again', async () => {
  await using place = await chainPlace();
  const lost = clientOf(place.open({ trouble: () => 'drop' }), { waitMs: 20 });
  const { txHash } = await lost.send(revealsOf(1), calmly());
  await assert.rejects(lost.wait(txHash, calmly()), {
    code: 'OUTSIDE_UNAVAILABLE',
    message: `The chain did not mine ${txHash} within 20 ms.`,
  });
  assert.equal(await lost.find(txHash, calmly()), null);
  const chain = clientOf(place.open());
  const again = await chain.send(revealsOf(1), calmly());
  assert.equal((await chain.wait(again.txHash, calmly())).blockNumber, 1);
});

// GLK-14
test('a transaction that is mined late is found late, also by a process that did not send it', async () => {
  await using place = await chainPlace();
  let nowMs = Date.UTC(2026, 0, 1);
  const clock = { now: () => new Date(nowMs) };
  const sender = clientOf(place.open({ clock, trouble: () => ({ holdMs: 60_000 }) }));
  const { txHash } = await sender.send(revealsOf(1), calmly());
  const other = clientOf(place.open({ clock }));
  assert.equal(await other.find(txHash, calmly()), null);
  nowMs += 60_000;
  assert.equal((await other.find(txHash, calmly()))?.blockNumber, 1);
  assert.equal((await sender.find(txHash, calmly()))?.blockNumber, 1);
});

// GLK-14
test('processes that send at once with one key never use a nonce twice: each batch is mined once', async () => {
  await using place = await chainPlace();
  const batches = Array.from({ length: 12 }, (_, index) => revealsOf(index * 2, index * 2 + 1));
  const processes = Array.from({ length: 3 }, () => clientOf(place.open()));
  const receipts = await Promise.all(
    batches.map(async (batch, index) => {
      const chain = processes[index % processes.length] ?? assert.fail();
      const { txHash } = await sendUntilTaken(chain, batch);
      return chain.wait(txHash, calmly());
    }),
  );
  assert.equal(new Set(receipts.map((each) => each.txHash)).size, batches.length);
  assert.deepEqual(await clientOf(place.open()).listRevealed(batches.flat(), calmly()), batches.flat());
});

/** Sends as a worker does: what passes is tried again. */
async function sendUntilTaken(
  chain: ReturnType<typeof clientOf>,
  batch: ReturnType<typeof revealsOf>,
): Promise<{ readonly txHash: string }> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return await chain.send(batch, calmly());
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'OUTSIDE_UNAVAILABLE')) throw error;
    }
  }
  return assert.fail('the nonce was taken for ever');
}

// GLK-14
test('a process that died while it wrote leaves nothing that others stumble over', async () => {
  await using place = await chainPlace();
  for (const name of ['blocks', 'waiting']) {
    await mkdir(path.join(place.directory, name), { recursive: true });
    await writeFile(path.join(place.directory, name, '0000000001.json.a-draft.part'), '{"half');
  }
  const chain = clientOf(place.open());
  const { txHash } = await chain.send(revealsOf(1), calmly());
  assert.equal((await chain.wait(txHash, calmly())).blockNumber, 1);
});

const raws = { 'no bytes': '0x', 'no transaction': '0x1234', 'no hexadecimal': 'hello', 'no text': 7 };

// GLK-14
for (const [name, raw] of Object.entries(raws)) {
  test(`the chain takes no transaction that is ${name}`, async () => {
    await using place = await chainPlace();
    const answer = await place.open().answer({ method: 'eth_sendRawTransaction', params: [raw] });
    assert.ok('error' in answer, JSON.stringify(answer));
    assert.ok(answer.error.code < 0);
  });
}

// GLK-14
test('a method that the chain does not know is refused as JSON-RPC refuses it', async () => {
  await using place = await chainPlace();
  const answer = await place.open().answer({ method: 'eth_mining', params: [] });
  assert.deepEqual(answer, { error: { code: -32_601, message: 'the method eth_mining does not exist' } });
});

// GLK-14
test('each account has nonces of its own, and a contract at another address is not there', async () => {
  await using place = await chainPlace();
  const node = place.open();
  const others = [localKeeperKey, keccak256(toHex('another account'))].map((privateKey) => clientOf(node, { privateKey }));
  for (const [index, chain] of others.entries()) {
    const { txHash } = await chain.send(revealsOf(index), calmly());
    assert.equal((await chain.wait(txHash, calmly())).blockNumber, index + 1);
  }
  const elsewhere = clientOf(node, { contractAddress: `0x${'11'.repeat(20)}`, clock: systemClock });
  await assert.rejects(elsewhere.send(revealsOf(9), calmly()), { message: /takes calls of revealTokens only/u });
});
