/** Reveals: each token once, whatever the chain does in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from 'keelson/clock';
import { KeelsonError } from 'keelson/errors';
import { silentLog } from 'keelson/log';
import type { Token } from '../tokens/entity.ts';
import { addTokens, type GliskDatabase, openGlisk } from '../rows.fixture.ts';
import { chainPlace, clientOf } from './chain.fixture.ts';
import type { ChainTrouble } from './local.ts';
import type { RevealChain } from './schema.ts';
import { type Results, RevealService } from './service.ts';

const call = { signal: new AbortController().signal, log: silentLog };

async function start(trouble: (tokenIds: readonly number[]) => ChainTrouble | undefined = () => undefined) {
  await using steps = new AsyncDisposableStack();
  const database = steps.use(await openGlisk());
  const place = steps.use(await chainPlace());
  const chain = clientOf(place.open({ trouble }), { waitMs: 300 });
  const undo = steps.move();
  return {
    database,
    chain,
    service: serviceOf(database, chain),
    transactions: () => database.read(({ revealTxs }) => revealTxs.list({}, { orderBy: 'id' })),
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

function serviceOf(database: GliskDatabase, chain: RevealChain): RevealService {
  return new RevealService({ database, chain: () => chain, clock: systemClock });
}

function outcomes(results: Results, tokens: readonly Token[]): string[] {
  return tokens.map(({ id }) => {
    const result = results.get(id);
    if (result === undefined) return 'nothing';
    return 'txHash' in result ? 'revealed' : result.error.message;
  });
}

// GLK-14
test('fifty tokens are revealed by one transaction, which is in writing before it is sent', async () => {
  await using glisk = await start();
  const { database, chain, transactions } = glisk;
  const { tokens } = await addTokens(database, { count: 50, status: 'ready' });
  const service = serviceOf(database, {
    send: async (reveals, given) =>
      chain.send(reveals, {
        ...given,
        onSigned: async (sent) => {
          assert.deepEqual(
            (await transactions()).map(({ status }) => status),
            ['pending'],
          );
          await given.onSigned?.(sent);
          assert.deepEqual(
            (await transactions()).map(({ status, txHash }) => [status, txHash]),
            [['sent', sent.txHash]],
          );
        },
      }),
    wait: (txHash, given) => chain.wait(txHash, given),
    find: (txHash, given) => chain.find(txHash, given),
    listRevealed: (reveals, given) => chain.listRevealed(reveals, given),
  });
  const results = await service.reveal(tokens, call);
  assert.deepEqual(new Set(outcomes(results, tokens)), new Set(['revealed']));
  const [sent, second] = await transactions();
  assert.deepEqual([sent?.status, sent?.tokenIds.length, second], ['confirmed', 50, undefined]);
  assert.ok(sent?.blockNumber !== null && sent?.confirmedAt !== null);
});

// GLK-14
test('a token that the contract refuses keeps none of the others back', async () => {
  await using glisk = await start();
  const { tokens } = await addTokens(glisk.database, { count: 9, status: 'ready' });
  await glisk.chain.send([{ tokenId: 4, metadataUri: 'ipfs://somebody-else' }], call).then(({ txHash }) => glisk.chain.wait(txHash, call));
  const results = await glisk.service.reveal(tokens, call);
  assert.deepEqual(
    outcomes(results, tokens),
    tokens.map(({ tokenId }) => (tokenId === 4 ? 'The contract refuses: TokenAlreadyRevealed(4).' : 'revealed')),
  );
  const confirmed = (await glisk.transactions()).filter(({ status }) => status === 'confirmed');
  assert.equal(confirmed.flatMap(({ tokenIds }) => tokenIds).length, 8);
  assert.ok((await glisk.transactions()).every(({ status }) => status === 'confirmed' || status === 'failed'));
});

// GLK-14
test('a token that is shown by a transaction which was given up before it was mined has not failed', async () => {
  await using glisk = await start();
  const { database, chain } = glisk;
  const { tokens } = await addTokens(database, { count: 2, status: 'ready' });
  let asked = 0;
  const late = serviceOf(database, {
    send: (reveals, given) => chain.send(reveals, given),
    wait: (txHash, given) => chain.wait(txHash, given),
    find: (txHash, given) => chain.find(txHash, given),
    listRevealed: async (reveals, given) => {
      asked += 1;
      if (asked > 1) return chain.listRevealed(reveals, given);
      // Mined just after it was looked for in vain.
      await chain.wait((await chain.send(reveals.slice(0, 1), given)).txHash, given);
      return [];
    },
  });
  assert.deepEqual(outcomes(await late.reveal(tokens, call), tokens), ['revealed', 'revealed']);
});

// GLK-14
test('a batch that is mined and reverts is sent again in parts', async () => {
  await using glisk = await start((tokenIds) => (tokenIds.length > 2 ? 'revert' : undefined));
  const { tokens } = await addTokens(glisk.database, { count: 4, status: 'ready' });
  assert.deepEqual(
    outcomes(await glisk.service.reveal(tokens, call), tokens),
    Array.from({ length: 4 }, () => 'revealed'),
  );
  assert.deepEqual(
    (await glisk.transactions()).map(({ status, tokenIds }) => [status, tokenIds.length]),
    [
      ['failed', 4],
      ['confirmed', 2],
      ['confirmed', 2],
    ],
  );
});

// GLK-14
test('a transaction that is not mined in time is looked for by the next attempt, and is not sent twice', async () => {
  await using glisk = await start(() => ({ holdMs: 700 }));
  const { tokens } = await addTokens(glisk.database, { count: 3, status: 'ready' });
  await assert.rejects(glisk.service.reveal(tokens, call), { code: 'OUTSIDE_UNAVAILABLE' });
  assert.deepEqual(
    (await glisk.transactions()).map(({ status }) => status),
    ['sent'],
  );
  const patient = serviceOf(glisk.database, {
    ...methodsOf(glisk.chain),
    wait: async (txHash, given) => {
      // bounded by: the hold
      for (;;) {
        const receipt = await glisk.chain.find(txHash, given);
        if (receipt !== null) return receipt;
      }
    },
  });
  assert.deepEqual(
    outcomes(await patient.reveal(tokens, call), tokens),
    Array.from({ length: 3 }, () => 'revealed'),
  );
  assert.deepEqual(
    (await glisk.transactions()).map(({ status, tokenIds }) => [status, tokenIds.length]),
    [['confirmed', 3]],
  );
});

// GLK-14
test('a transaction that the chain has forgotten is given up, and its tokens are sent anew', async () => {
  let isForgetful = true;
  await using glisk = await start(() => (isForgetful ? 'drop' : undefined));
  const { tokens } = await addTokens(glisk.database, { count: 2, status: 'ready' });
  await assert.rejects(glisk.service.reveal(tokens, call), { code: 'OUTSIDE_UNAVAILABLE' });
  isForgetful = false;
  assert.deepEqual(outcomes(await glisk.service.reveal(tokens, call), tokens), ['revealed', 'revealed']);
  assert.deepEqual(
    (await glisk.transactions()).map(({ status }) => status),
    ['failed', 'confirmed'],
  );
});

// GLK-14
test('after a crash between sending and finishing, the tokens are found to be revealed, in whatever batches they come back', async () => {
  await using glisk = await start();
  const { database, chain } = glisk;
  const { tokens } = await addTokens(database, { count: 4, status: 'ready' });
  const dying = serviceOf(database, { ...methodsOf(chain), wait: () => Promise.reject(new TypeError('the process died here')) });
  await assert.rejects(dying.reveal(tokens, call), TypeError);
  const [sent] = await glisk.transactions();
  await chain.wait(sent?.txHash ?? '', call);
  const results = new Map([
    ...(await glisk.service.reveal(tokens.slice(0, 1), call)),
    ...(await glisk.service.reveal(tokens.slice(1), call)),
  ]);
  assert.deepEqual(
    outcomes(results, tokens),
    Array.from({ length: 4 }, () => 'revealed'),
  );
  assert.deepEqual(
    (await glisk.transactions()).map(({ status }) => status),
    ['confirmed'],
  );
});

// GLK-14
test('after a crash before signing, what was begun is given up', async () => {
  await using glisk = await start();
  const { database, chain } = glisk;
  const { tokens } = await addTokens(database, { count: 2, status: 'ready' });
  const dying = serviceOf(database, { ...methodsOf(chain), send: () => Promise.reject(new TypeError('the process died here')) });
  await assert.rejects(dying.reveal(tokens, call), TypeError);
  assert.deepEqual(outcomes(await glisk.service.reveal(tokens, call), tokens), ['revealed', 'revealed']);
  assert.deepEqual(
    (await glisk.transactions()).map(({ status }) => status),
    ['failed', 'confirmed'],
  );
});

// GLK-14
test('when the keeper cannot pay, no token fails and none is tried apart: all wait', async () => {
  await using glisk = await start();
  const { database, chain } = glisk;
  const { tokens } = await addTokens(database, { count: 3, status: 'ready' });
  const sent: number[] = [];
  const send: RevealChain['send'] = (reveals) => {
    sent.push(reveals.length);
    return Promise.reject(new KeelsonError('OUTSIDE_REFUSED', { message: 'The chain finds …', data: { service: 'The chain' } }));
  };
  await assert.rejects(serviceOf(database, { ...methodsOf(chain), send }).reveal(tokens, call), { code: 'WORK_POSTPONED' });
  assert.deepEqual(sent, [3]);
  assert.deepEqual(
    (await glisk.transactions()).map(({ status }) => status),
    ['failed'],
  );
});

/** The calls of a chain, to be put together with others. */
function methodsOf(chain: RevealChain): RevealChain {
  return {
    send: (reveals, given) => chain.send(reveals, given),
    wait: (txHash, given) => chain.wait(txHash, given),
    find: (txHash, given) => chain.find(txHash, given),
    listRevealed: (reveals, given) => chain.listRevealed(reveals, given),
  };
}
