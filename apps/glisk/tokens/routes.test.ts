/** Calls about tokens, authors and how the whole stands, through the whole app; and who may let a token begin anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, type Call, type RunningGlisk, startGlisk } from '../calls.fixture.ts';
import { newAuthor, newTokens, walletOf } from '../rows.fixture.ts';
import type { Token } from './entity.ts';

const OPERATOR_TOKEN = 'uJ7vQx2mR9tYk4LpZc8WnB6hDfSg3aEo5iTr';
const nobody = '019aa1c8-0000-7000-8000-000000000009';
const fields = [
  'attempts',
  'author_id',
  'created_at',
  'error_data',
  'id',
  'image_cid',
  'metadata_cid',
  'mint_timestamp',
  'minter_address',
  'status',
  'token_id',
];

/** An author with one token in each of these states, the first the oldest mint. */
async function fill({ database }: RunningGlisk, ...statuses: Token['status'][]) {
  return database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    const tokens = statuses.flatMap((status, from) => newTokens(author, { count: 1, status, from }));
    return { author, tokens: unit.tokens.addMany(tokens) };
  });
}

function numbersOf(answer: Answered): unknown[] {
  assert.equal(answer.status, 200, answer.text);
  const { items } = answer.body;
  assert.ok(Array.isArray(items));
  return items.map((item: unknown) => (typeof item === 'object' && item !== null && 'token_id' in item ? item.token_id : undefined));
}

/** The fields of the first item. */
function fieldsOf({ body }: Answered): string[] {
  const { items } = body;
  assert.ok(Array.isArray(items));
  const first: unknown = items[0];
  assert.ok(typeof first === 'object' && first !== null);
  return Object.keys(first).toSorted();
}

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body['error'], code);
  assert.doesNotMatch(answer.text, /tokens_s0|select |lease_|node_modules|\.ts:/u);
}

// GLK-6 GLK-14
test('tokens are listed the newest first, by pages, by status and by author, without what their workers keep', async () => {
  await using glisk = await startGlisk();
  const { author } = await fill(glisk, 'detected', 'failed', 'detected', 'revealed');
  const all = await glisk.call('GET', '/tokens');
  assert.deepEqual(numbersOf(all), [3, 2, 1, 0]);
  assert.equal(all.body['total'], 4);
  assert.deepEqual(fieldsOf(all), fields);
  assert.deepEqual(numbersOf(await glisk.call('GET', '/tokens?size=3&page=2')), [0]);
  assert.deepEqual(numbersOf(await glisk.call('GET', '/tokens?status=detected')), [2, 0]);
  assert.deepEqual(numbersOf(await glisk.call('GET', `/tokens?author_id=${author.id}&status=failed`)), [1]);
  assert.deepEqual(numbersOf(await glisk.call('GET', `/tokens?author_id=${nobody}`)), []);
  for (const query of ['status=lost', 'size=101', 'page=0', 'author_id=x', 'page=1000&size=100', 'statu=failed']) {
    assertProblem(await glisk.call('GET', `/tokens?${query}`), 422, 'VALIDATION_ERROR');
  }
});

// GLK-14
test('a token and an author are read, the author in any case; what there is not is not found', async () => {
  await using glisk = await startGlisk();
  const { author, tokens: added } = await fill(glisk, 'ready');
  const token = await glisk.call('GET', `/tokens/${added[0]?.id}`);
  assert.equal(token.status, 200);
  assert.deepEqual([token.body['token_id'], token.body['status'], token.body['author_id']], [0, 'ready', author.id]);
  assert.equal(token.body['mint_timestamp'], '2023-11-14T22:13:20.000Z');
  const found = await glisk.call('GET', `/authors/${walletOf(1).toLowerCase()}`);
  assert.equal(found.status, 200);
  assert.equal(found.body['wallet_address'], walletOf(1));
  assert.equal(found.body['prompt_text'], author.promptText);
  assertProblem(await glisk.call('GET', `/tokens/${nobody}`), 404, 'NOT_FOUND');
  assertProblem(await glisk.call('GET', '/tokens/1'), 422, 'VALIDATION_ERROR');
  assertProblem(await glisk.call('GET', `/authors/${walletOf(2)}`), 404, 'NOT_FOUND');
  assertProblem(await glisk.call('GET', '/authors/0x1'), 422, 'VALIDATION_ERROR');
});

// GLK-14
test('the stats count tokens and transactions by state, and what nobody has worked on for a while', async () => {
  await using glisk = await startGlisk();
  const { tokens: added } = await fill(glisk, 'detected', 'generating', 'generating', 'uploading', 'ready', 'revealed', 'failed');
  await glisk.database.work(async ({ tokens }) => {
    for (const [index, { id }] of added.entries()) {
      const token = await tokens.get(id);
      // One of two that were added long ago is held by a worker.
      if (index === 1 || index === 2) token.createdAt = new Date(1_700_000_000_000);
      if (index === 2) token.leaseOwner = 3;
    }
  });
  const answer = await glisk.call('GET', '/stats');
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.body, {
    tokens: { detected: 1, generating: 2, uploading: 1, ready: 1, revealed: 1, failed: 1 },
    total: 7,
    stuck: 1,
    authors: 1,
    reveals: { pending: 0, sent: 0, confirmed: 0, failed: 0 },
  });
});

// GLK-14
test('many who ask for the stats at once share a query or two, and see what was committed before they asked', async () => {
  await using glisk = await startGlisk();
  const first = glisk.services.stats.read();
  await fill(glisk, 'detected');
  const later = await Promise.all(Array.from({ length: 50 }, () => glisk.services.stats.read()));
  for (const stats of later) assert.equal(stats.total, 1);
  assert.ok(new Set([await first, ...later]).size <= 3);
});

// GLK-14 GLK-4
test('an operator lets a token begin anew that failed or is stuck in generation, and no other', async () => {
  await using glisk = await startGlisk({ OPERATOR_TOKEN });
  const { tokens: added } = await fill(glisk, 'failed', 'generating', 'revealed', 'detected');
  const retry = (index: number): Promise<Answered> => glisk.call('POST', `/tokens/${added[index]?.id}/retry`, { token: OPERATOR_TOKEN });
  for (const index of [0, 1]) {
    const answer = await retry(index);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body['status'], 'detected');
    assert.equal(answer.body['error_data'], null);
  }
  const revealed = await retry(2);
  assertProblem(revealed, 409, 'INVALID_STATE_TRANSITION');
  assert.equal(revealed.body['message'], 'Cannot mark detected from revealed. Token must be in failed or generating state.');
  assertProblem(await retry(3), 409, 'INVALID_STATE_TRANSITION');
  assertProblem(await glisk.call('POST', `/tokens/${nobody}/retry`, { token: OPERATOR_TOKEN }), 404, 'NOT_FOUND');
  assert.ok(glisk.lines.some((line) => line.includes('token.retried') && line.includes('"from":"failed"')));
  assert.ok(!glisk.lines.some((line) => line.includes(OPERATOR_TOKEN)));
});

// GLK-14
test('nobody else does: not without the token, not with another, and not a page of another origin on this machine', async () => {
  const refusals: readonly (readonly [string, Call])[] = [
    ['test', {}],
    ['test', { token: `${OPERATOR_TOKEN}x` }],
    ['test', { token: '' }],
    ['test', { headers: { authorization: `Basic ${OPERATOR_TOKEN}` } }],
    ['development', { from: '192.0.2.7' }],
    ['development', { headers: { host: '127.0.0.1:8001', origin: 'https://elsewhere.example' } }],
    ['development', { headers: { host: '127.0.0.1:8001', origin: 'null' } }],
    ['development', { headers: { host: 'rebound.example' } }],
    ['development', { headers: { host: '127.0.0.1:8001' }, token: 'guessed' }],
  ];
  for (const environment of ['test', 'development']) {
    await using glisk = await startGlisk({ OPERATOR_TOKEN, APP_ENV: environment });
    const { tokens: added } = await fill(glisk, 'failed');
    const url = `/tokens/${added[0]?.id}/retry`;
    for (const [, call] of refusals.filter(([where]) => where === environment)) {
      const answer = await glisk.call('POST', url, call);
      assertProblem(answer, 401, 'UNAUTHENTICATED');
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
    assert.equal((await glisk.call('GET', `/tokens/${added[0]?.id}`)).body['status'], 'failed');
  }
});

// GLK-14
test('in development this machine needs no token, as the page that it serves does not', async () => {
  await using glisk = await startGlisk({ APP_ENV: 'development' });
  const { tokens: added } = await fill(glisk, 'failed', 'failed');
  const headers = [{ host: 'localhost:8001', origin: 'http://localhost:8001' }, { host: '127.0.0.1:8001' }];
  for (const [index, given] of headers.entries()) {
    const answer = await glisk.call('POST', `/tokens/${added[index]?.id}/retry`, { headers: given });
    assert.equal(answer.status, 200, answer.text);
  }
});
