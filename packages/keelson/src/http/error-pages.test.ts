/** The pages of the errors: every code has one that a person can read, and that can do nothing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { catalogue } from '../errors.ts';
import { openBench } from './bench.fixture.ts';

// FND-4
test('every code has a page: what it means, what to do, its status, and whether the call may be made again', async () => {
  await using bench = await openBench();
  const list = await bench.call({ url: '/errors' });
  for (const [code, { title, status, retryable, message, hint }] of Object.entries(catalogue)) {
    assert.ok(list.text.includes(`href="/errors/${code}"`), code);
    const page = await bench.call({ url: `/errors/${code}`, headers: { accept: 'text/html' } });
    assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'], code);
    const words = page.text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    for (const part of [`<h1>${title}</h1>`, `<code>${code}</code>`, message, hint, `<dd>${status}</dd>`])
      assert.ok(words.includes(part), part);
    assert.ok(words.includes(retryable ? 'Yes: the same call' : 'No: made again'), code);
  }
});

// FND-4
test('a page runs nothing, loads nothing, and has no style but its own', async () => {
  await using bench = await openBench();
  for (const url of ['/errors', '/errors/POOL_EXHAUSTED']) {
    const { headers, text } = await bench.call({ url });
    const style = /<style>(?<style>[^<]*)<\/style>/u.exec(text)?.groups?.['style'] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(
      headers['content-security-policy'],
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(text, /<script|style=|src=|https?:|\son\w+=/u);
  }
});

// FND-4
test('a code that is none is a problem like any other, and so is what goes wrong for a client that takes HTML', async () => {
  await using bench = await openBench();
  for (const code of ['constructor', 'not_found', 'NOPE', '%3Cscript%3E', 'NOT_FOUND/more']) {
    const { status, json, headers } = await bench.call({ url: `/errors/${code}`, headers: { accept: 'text/html' } });
    assert.deepEqual([status, json['error'], headers['content-type']], [404, 'NOT_FOUND', 'application/problem+json'], code);
  }
  const failed = await bench.call({ url: '/fail/CONFLICT', headers: { accept: 'text/html' } });
  assert.deepEqual([failed.json['type'], failed.headers['content-type']], ['/errors/CONFLICT', 'application/problem+json']);
});
