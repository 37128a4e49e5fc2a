/** The client of a node against a server that speaks JSON-RPC over HTTP, and that fails as nodes do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { isKeelsonError } from 'keelson/errors';
import { type Behaviour, calmly, type Failure, json, jsonFailures, silence } from '../outside.fixture.ts';
import { chainPlace, clientOf, revealsOf, startNode } from './chain.fixture.ts';

function rpcError(code: number, message: string): Behaviour {
  return json({ jsonrpc: '2.0', id: 1, error: { code, message } });
}

const nodeFailures: readonly Failure[] = [
  ...jsonFailures,
  { name: 'an overloaded node', behaviour: rpcError(-32_005, 'limit exceeded'), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'a fault of the node', behaviour: rpcError(-32_603, 'internal error'), code: 'OUTSIDE_UNAVAILABLE' },
  { name: 'an account without money', behaviour: rpcError(-32_000, 'insufficient funds for gas * price + value'), code: 'OUTSIDE_REFUSED' },
  { name: 'a method that the node does not know', behaviour: rpcError(-32_601, 'the method does not exist'), code: 'OUTSIDE_REFUSED' },
];

function timeoutFor(failure: Failure): number {
  return /time-out|stands still/u.test(failure.name) ? 100 : 10_000;
}

// GLK-14
test('over HTTP a batch is sent and found as in the process itself', async () => {
  await using place = await chainPlace();
  await using node = await startNode(place.open());
  const chain = clientOf(node.url);
  const { txHash } = await chain.send(revealsOf(1, 2), calmly());
  assert.equal((await chain.wait(txHash, calmly())).gasPriceGwei, '2.000000007');
  assert.deepEqual(await chain.listRevealed(revealsOf(1, 2, 3), calmly()), revealsOf(1, 2));
});

// GLK-14
for (const failure of nodeFailures) {
  test(`${failure.name} when a batch is sent is ${failure.code}, and the address of the node is in no error`, async () => {
    await using place = await chainPlace();
    await using node = await startNode(place.open(), ({ method }) => (method === 'eth_sendRawTransaction' ? failure.behaviour : undefined));
    const signed: string[] = [];
    const chain = clientOf(`${node.url}/v2/the-key-of-the-node`, { timeoutMs: timeoutFor(failure) });
    await assert.rejects(chain.send(revealsOf(1), { ...calmly(), onSigned: ({ txHash }) => void signed.push(txHash) }), (error) => {
      assert.ok(isKeelsonError(error, failure.code), inspect(error));
      assert.equal(error.retryAfterS, failure.retryAfterS);
      return !inspect(error, { depth: 10 }).includes('the-key-of-the-node');
    });
    // Where the time is short, a slow machine may not have come as far as to sign.
    if (timeoutFor(failure) > 1_000) assert.equal(signed.length, 1, 'it was told before it went out');
  });
}

// GLK-14
for (const failure of nodeFailures.filter((each) => each.code === 'OUTSIDE_UNAVAILABLE')) {
  test(`${failure.name} while a transaction is waited for does not end the wait`, async () => {
    await using place = await chainPlace();
    let failed = 0;
    await using node = await startNode(place.open(), ({ method }) => {
      if (method !== 'eth_getTransactionReceipt' || failed > 0) return undefined;
      failed += 1;
      return failure.behaviour;
    });
    const sleeps: number[] = [];
    const clock = { monotonicMs: () => performance.now(), sleep: (durationMs: number) => Promise.resolve(void sleeps.push(durationMs)) };
    const chain = clientOf(node.url, { timeoutMs: timeoutFor(failure), clock, waitMs: 10_000_000 });
    const { txHash } = await clientOf(node.url).send(revealsOf(1), calmly());
    assert.equal((await chain.wait(txHash, calmly())).blockNumber, 1);
    assert.equal(failed, 1);
    assert.equal(sleeps[0], (failure.retryAfterS ?? 0) * 1_000 || 1);
  });
}

// GLK-14
test('a node that has the transaction already has it, and it is not signed anew', async () => {
  await using place = await chainPlace();
  await using node = await startNode(place.open(), ({ method }) =>
    method === 'eth_sendRawTransaction' ? rpcError(-32_000, 'already known') : undefined,
  );
  let signed = 0;
  const onSigned = (): void => void (signed += 1);
  assert.match((await clientOf(node.url).send(revealsOf(1), { ...calmly(), onSigned })).txHash, /^0x/u);
  assert.equal(signed, 1);
});

// GLK-14
for (const said of ['nonce too low: next nonce 5, tx nonce 4', 'replacement transaction underpriced']) {
  test(`«${said}»: the transaction is signed anew, and in the end left to another attempt`, async () => {
    await using place = await chainPlace();
    await using node = await startNode(place.open(), ({ method }) =>
      method === 'eth_sendRawTransaction' ? rpcError(-32_000, said) : undefined,
    );
    let signed = 0;
    const onSigned = (): void => void (signed += 1);
    const sending = clientOf(node.url).send(revealsOf(1), { ...calmly(), onSigned });
    await assert.rejects(sending, { code: 'OUTSIDE_UNAVAILABLE', message: 'The chain gave the nonce to another transaction 5 times.' });
    assert.equal(signed, 5);
  });
}

// GLK-14
test('with more confirmations a transaction is settled only when enough blocks stand on it', async () => {
  await using place = await chainPlace();
  const chain = clientOf(place.open(), { confirmations: 3 });
  const { txHash } = await chain.send(revealsOf(1), calmly());
  const seen: boolean[] = [];
  for (const tokenId of [2, 3]) {
    seen.push((await chain.find(txHash, calmly())) !== null);
    const next = await chain.send(revealsOf(tokenId), calmly());
    await clientOf(place.open()).wait(next.txHash, calmly());
  }
  assert.deepEqual(seen, [false, false]);
  assert.equal((await chain.find(txHash, calmly()))?.blockNumber, 1);
});

// GLK-14
test('a caller that gives up gets its own reason, while it waits and while the node is silent', async () => {
  await using place = await chainPlace();
  const reason = new RangeError('the lease is lost');
  const giveUp = new AbortController();
  await using node = await startNode(place.open(), ({ method }) => {
    if (method !== 'eth_getTransactionReceipt') return undefined;
    giveUp.abort(reason);
    return silence;
  });
  const chain = clientOf(node.url);
  const { txHash } = await chain.send(revealsOf(1), calmly());
  await assert.rejects(chain.wait(txHash, { signal: giveUp.signal }), reason);
  await assert.rejects(chain.send(revealsOf(2), { signal: giveUp.signal }), reason);
  const later = new AbortController();
  const waiting = clientOf(place.open({ trouble: () => 'drop' }), { pollMs: 100_000 }).wait(`0x${'0'.repeat(64)}`, {
    signal: later.signal,
  });
  later.abort(reason);
  await assert.rejects(waiting, reason);
});

// GLK-14
test('who waits for the turn of a batch can give up, and the turn goes on to the next', async () => {
  await using place = await chainPlace();
  const held = Promise.withResolvers<undefined>();
  const chain = clientOf(place.open());
  const first = chain.send(revealsOf(1), { ...calmly(), onSigned: () => held.promise });
  const giveUp = new AbortController();
  const second = chain.send(revealsOf(2), { signal: giveUp.signal });
  const third = chain.send(revealsOf(3), calmly());
  const reason = new RangeError('the lease is lost');
  giveUp.abort(reason);
  await assert.rejects(second, reason);
  held.resolve(undefined);
  for (const { txHash } of await Promise.all([first, third])) await chain.wait(txHash, calmly());
  assert.deepEqual(await chain.listRevealed(revealsOf(1, 2, 3), calmly()), revealsOf(1, 3));
});

// GLK-14
test('a key or an address that is none is refused when the client is made', () => {
  for (const wrong of [{ privateKey: 'my key' }, { privateKey: '0xabc' }, { contractAddress: '0x1234' }]) {
    assert.throws(() => clientOf('http://127.0.0.1:1', wrong), { code: 'CONFIG_INVALID' });
  }
});
