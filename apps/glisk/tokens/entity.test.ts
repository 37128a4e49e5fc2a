/** A token moves along its life cycle and nowhere else, in memory as in the database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'keelson/schema';
import { addTokens, newAuthor, newTokens, openGlisk } from '../rows.fixture.ts';
import type { Token } from './entity.ts';
import { tokenLifeCycle } from './state.ts';

const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi';

function tokenThatIs(status: Token['status']): Token {
  const [token] = newTokens(newAuthor(), { count: 1, status });
  assert.ok(token !== undefined);
  return token;
}

const moves = {
  generating: (token: Token) => token.markGenerating(),
  uploading: (token: Token) => token.markUploading('/pictures/1.png'),
  ready: (token: Token) => token.markReady(CID),
  revealed: (token: Token) => token.markRevealed('0xabc'),
  failed: (token: Token) => token.markFailed({ error: 'test' }),
} as const;

const states = ['detected', 'generating', 'uploading', 'ready', 'revealed', 'failed'] as const;
const targets = ['generating', 'uploading', 'ready', 'revealed', 'failed'] as const;

// T043 GLK-4
test('T043: valid state transitions', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const id = added[0]?.id ?? '';
  const path = ['generating', 'uploading', 'ready', 'revealed'] as const;
  for (const status of path) {
    await database.work(async ({ tokens }) => {
      const token = await tokens.get(id);
      moves[status](token);
      assert.equal(token.status, status);
    });
    const stored = await database.read(({ tokens }) => tokens.get(id));
    assert.equal(stored.status, status);
    assert.equal(stored.metadataCid, status === 'ready' || status === 'revealed' ? CID : null);
  }
});

// T044 GLK-4
test('T044: an invalid state transition raises an exception', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const id = added[0]?.id ?? '';
  await assert.rejects(
    database.work(async ({ tokens }) => (await tokens.get(id)).markRevealed('0xabc')),
    { code: 'INVALID_STATE_TRANSITION', message: 'Cannot mark revealed from detected. Token must be in ready state.' },
  );
  assert.equal((await database.read(({ tokens }) => tokens.get(id))).status, 'detected');
});

// T045 GLK-4
test('T045: mark failed from any non-terminal state', async () => {
  await using database = await openGlisk();
  for (const [index, status] of (['detected', 'generating', 'uploading', 'ready'] as const).entries()) {
    const { tokens: added } = await addTokens(database, { count: 1, status, from: index * 10 });
    const id = added[0]?.id ?? '';
    await database.work(async ({ tokens }) => (await tokens.get(id)).markFailed({ error: 'test' }));
    const stored = await database.read(({ tokens }) => tokens.get(id));
    assert.equal(stored.status, 'failed');
    assert.deepEqual(stored.errorData, { error: 'test' });
  }
});

// GLK-4 GLK-12
test('every move that is not declared is refused, and leaves the token as it was', () => {
  let refused = 0;
  for (const from of states) {
    for (const to of targets) {
      const token = tokenThatIs(from);
      const before = { ...token };
      if (tokenLifeCycle.edges[from].some((state) => state === to)) {
        moves[to](token);
        assert.equal(token.status, to);
      } else {
        assert.throws(() => moves[to](token), {
          code: 'INVALID_STATE_TRANSITION',
          message: new RegExp(`^Cannot mark ${to} from ${from}\\. `, 'u'),
        });
        assert.deepEqual({ ...token }, before);
        refused += 1;
      }
    }
  }
  assert.equal(refused, states.length * targets.length - 8);
});

// GLK-4
test('a move without what belongs to it is refused', () => {
  for (const empty of ['', '  ', '\n']) {
    assert.throws(() => tokenThatIs('generating').markUploading(empty), { code: 'VALIDATION_ERROR' });
    assert.throws(() => tokenThatIs('uploading').markReady(empty), { code: 'VALIDATION_ERROR' });
    assert.throws(() => tokenThatIs('ready').markRevealed(empty), { code: 'VALIDATION_ERROR' });
  }
});

// GLK-4
test('only a token that failed or is in generation begins anew, with nothing left of before', () => {
  for (const status of ['failed', 'generating'] as const) {
    const token = tokenThatIs(status);
    Object.assign(token, { errorData: { error: 'x' }, imageCid: CID, metadataCid: CID, attempts: 3, leaseOwner: 4, leaseEpoch: 9 });
    token.retry();
    const { errorData, imageCid, metadataCid, attempts, leaseOwner, leaseUntil, leaseEpoch } = token;
    assert.equal(token.status, 'detected');
    assert.deepEqual([errorData, imageCid, metadataCid, attempts, leaseOwner, leaseUntil], [null, null, null, 0, null, null]);
    // What a worker that lost it finishes later is known by its epoch.
    assert.equal(leaseEpoch, 9);
  }
  for (const status of ['detected', 'uploading', 'ready', 'revealed'] as const) {
    assert.throws(() => tokenThatIs(status).retry(), {
      code: 'INVALID_STATE_TRANSITION',
      message: `Cannot mark detected from ${status}. Token must be in failed or generating state.`,
    });
  }
});

// GLK-4
test('the status is written only over the one that was read: whoever comes second with a move gets STALE_VERSION', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1 });
  const id = added[0]?.id ?? '';
  await assert.rejects(
    database.work(async ({ tokens }) => {
      const token = await tokens.get(id);
      await database.postgres.readers.query({
        text: "update glisk.tokens_s0 set status = 'failed' where id = $1",
        name: undefined,
        values: [id],
      });
      token.markGenerating();
    }),
    { code: 'STALE_VERSION' },
  );
  assert.equal((await database.read(({ tokens }) => tokens.get(id))).status, 'failed');
});

// GLK-1 GLK-4
test('the database too keeps a token from being ready without its metadata, and from any status that there is not', async () => {
  await using database = await openGlisk();
  const { tokens: added } = await addTokens(database, { count: 1, status: 'uploading' });
  const id = added[0]?.id ?? '';
  await assert.rejects(
    database.work((unit) => unit.sql(sql`update glisk.tokens_s0 set status = 'ready' where id = ${id}`)),
    { code: 'VALIDATION_ERROR' },
  );
  await assert.rejects(
    database.work((unit) => unit.sql(sql`update glisk.tokens_s0 set status = 'lost' where id = ${id}`)),
    { code: 'VALIDATION_ERROR' },
  );
});

/** What the type checker must refuse. */
export function types(token: Token): void {
  // @ts-expect-error -- a status moves by the named methods alone
  token.status = 'ready';
  // @ts-expect-error -- a move has a name
  token.move('ready');
  // @ts-expect-error -- only retries and recovery go back, and they have a name too
  token.redrive('detected');
}
