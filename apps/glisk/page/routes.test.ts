/** The page as it is sent: its policy and its files, what the stream tells and whom, and which pictures are shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunningGlisk, startGlisk } from '../calls.fixture.ts';
import { newAuthor, newTokens } from '../rows.fixture.ts';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const call = { signal: new AbortController().signal };
const root = { isRoot: true };

/** Stores bytes as the picture of a token. */
async function store({ database, services }: RunningGlisk, tokenId: number, bytes: Uint8Array): Promise<string> {
  const { cid } = await services.contents.put({ bytes, name: 'picture', mediaType: 'image/png' }, call);
  await database.work(async ({ tokens }) => {
    const token = await tokens.getByTokenId(tokenId);
    assert.ok(token);
    token.imageCid = cid;
  });
  return cid;
}

test('the page runs, styles and shows only what this service sends, and nothing that is written into it', async () => {
  await using glisk = await startGlisk({ OPERATOR_TOKEN: 'uJ7vQx2mR9tYk4LpZc8WnB6hDfSg3aEo5iTr' });
  const page = await glisk.call('GET', '/', root);
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/u);
  assert.doesNotMatch(policy, /unsafe|data:|\*/u);
  assert.doesNotMatch(page.text, /<style|\sstyle=|\son\w+=|javascript:|\{\{/u);
  for (const [, attributes, inner] of page.text.matchAll(/<script([^>]*)>([^<]*)</gu)) {
    assert.match(String(attributes), / src="\/page\//u);
    assert.equal(inner, '');
  }
  assert.ok(page.text.includes('data-retry="asked"'));
  assert.ok(!page.text.includes('uJ7vQx2m'));
  // Drawn from the life cycle, once for each direction.
  assert.equal(page.text.match(/data-count="uploading"/gu)?.length, 2);
  assert.ok(page.text.includes('npm run mint -w apps/glisk') && page.text.includes('npm run worker -w apps/glisk'));
});

test('each file of the page is there, of its own type, and is not sent again while it is the same', async () => {
  await using glisk = await startGlisk();
  const page = await glisk.call('GET', '/', root);
  assert.ok(page.text.includes('data-retry="off"'));
  const linked = [...page.text.matchAll(/(?:src|href)="(\/page\/[^"]+)"/gu)].map(([, url = '']) => url);
  const script = await glisk.call('GET', '/page/page.js', root);
  const imported = [...script.text.matchAll(/from '\.\/([\w.]+)'/gu)].map(([, name = '']) => `/page/${name}`);
  assert.ok(linked.length === 3 && imported.length === 3);
  for (const url of ['/', ...linked, ...imported, '/page/operator.js']) {
    const file = await glisk.call('GET', url, root);
    assert.equal(file.status, 200, url);
    assert.equal(file.headers['x-content-type-options'], 'nosniff');
    assert.equal(file.headers['cache-control'], 'no-cache');
    const again = await glisk.call('GET', url, { ...root, headers: { 'if-none-match': String(file.headers['etag']) } });
    assert.deepEqual([again.status, again.text], [304, '']);
  }
  assert.equal((await glisk.call('GET', '/page/index.html', root)).status, 404);
});

test('a picture is shown by its token, for ever under its CID; what is no picture never is', async () => {
  await using glisk = await startGlisk();
  await glisk.database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    unit.tokens.addMany(newTokens(author, { count: 3, status: 'ready', from: 1 }));
  });
  const cid = await store(glisk, 1, PNG);
  await store(glisk, 2, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'));
  const picture = await glisk.call('GET', `/page/pictures/1?cid=${cid}`, root);
  assert.equal(picture.status, 200);
  assert.equal(picture.headers['content-type'], 'image/png');
  assert.match(String(picture.headers['cache-control']), /immutable/u);
  assert.match(String(picture.headers['content-security-policy']), /sandbox/u);
  assert.equal((await glisk.call('GET', '/page/pictures/1?cid=another', root)).headers['cache-control'], 'no-cache');
  const refused = ['2', '3', '4', '-1', '1.0', '99999999999', '2147483648', '%2e%2e%2fapp.ts', '1;drop', 'x'.repeat(400)];
  for (const name of refused) {
    const answer = await glisk.call('GET', `/page/pictures/${name}`, root);
    assert.equal(answer.status, 404, name);
    assert.ok(!answer.text.includes('script'));
  }
});

test('the page is told the counts, the newest pictures and what needs attention, each with what may be done', async () => {
  await using glisk = await startGlisk();
  await glisk.database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    unit.tokens.addMany(newTokens(author, { count: 30, status: 'revealed', from: 1 }));
    const [failed] = unit.tokens.addMany(newTokens(author, { count: 1, status: 'failed', from: 100 }));
    if (failed !== undefined) failed.errorData = { code: 'OUTSIDE_REFUSED', message: 'The prompt was <b>refused</b>.' };
    for (const [from, status] of [[200, 'generating'] as const, [201, 'uploading'] as const]) {
      for (const token of unit.tokens.addMany(newTokens(author, { count: 1, status, from }))) {
        token.createdAt = new Date(Date.UTC(2026, 0, 2, 3, 4));
        token.availableAt = token.createdAt;
      }
    }
  });
  await glisk.database.work(async ({ tokens }) => {
    for (const tokenId of [1, 2]) Object.assign((await tokens.getByTokenId(tokenId)) ?? {}, { leaseOwner: 7 });
  });
  for (let tokenId = 1; tokenId <= 30; tokenId += 1) await store(glisk, tokenId, PNG);
  const state = await glisk.services.page.read();
  assert.deepEqual(state.tokens, { detected: 0, generating: 1, uploading: 1, ready: 0, revealed: 30, failed: 1 });
  assert.deepEqual([state.total, state.stuck, state.held, state.workers], [33, 2, { revealed: 2 }, 0]);
  assert.deepEqual(
    state.pictures.map((picture) => picture.token_id),
    Array.from({ length: 24 }, (_, at) => 30 - at),
  );
  assert.deepEqual(
    state.troubles.map(({ kind, token_id, why, can_retry }) => ({ kind, token_id, why, can_retry })),
    [
      { kind: 'stuck', token_id: 200, why: 'No worker has taken it since 2026-01-02 03:04 UTC.', can_retry: true },
      { kind: 'stuck', token_id: 201, why: 'No worker has taken it since 2026-01-02 03:04 UTC.', can_retry: false },
      { kind: 'failed', token_id: 100, why: 'The prompt was <b>refused</b>.', can_retry: true },
    ],
  );
  // Nothing in it is a time that moves on: what has not changed is not sent again.
  assert.deepEqual(await glisk.services.page.read(), state);
});
