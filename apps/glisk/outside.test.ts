/** Calls to services outside: bounded in time and size, ended by their caller, and their failures told apart. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { isKeelsonError, KeelsonError } from 'keelson/errors';
import * as Type from 'typebox';
import { bytes, calmly, json, jsonFailures, silence, startService } from './outside.fixture.ts';
import { callOutside, type OutsideCall, parseAnswer } from './outside.ts';

const KEY = 'a-key-that-nobody-may-see';

function callTo(url: string, more: Partial<OutsideCall> = {}): OutsideCall {
  const headers = { authorization: `Bearer ${KEY}` };
  return { service: 'Example', url: new URL(url), headers, timeoutMs: 10_000, sizeMaxBytes: 1_000, ...calmly(), ...more };
}

// GLK-14
for (const failure of jsonFailures) {
  test(`${failure.name} is ${failure.code}, and the key is in no error`, async () => {
    await using service = await startService(() => failure.behaviour);
    const timeoutMs = /time-out|stands still/u.test(failure.name) ? 60 : 10_000;
    const error = await callOutside(callTo(service.url, { timeoutMs })).then(
      (answer) => {
        try {
          return parseAnswer('Example', Type.Object({ id: Type.String() }), answer.bytes);
        } catch (thrown) {
          return thrown;
        }
      },
      (thrown: unknown) => thrown,
    );
    assert.ok(isKeelsonError(error, failure.code), inspect(error));
    assert.equal(error.retryable, failure.code === 'OUTSIDE_UNAVAILABLE');
    assert.equal(error.retryAfterS, failure.retryAfterS);
    assert.ok(!inspect(error, { depth: 10 }).includes(KEY));
    assert.ok(service.seen.length <= 1, 'a call is not repeated: who repeats it decides elsewhere');
  });
}

// GLK-14
test('an answer comes whole, and a form that it has besides is left out of nothing', async () => {
  await using service = await startService(() => json({ id: 'x', more: [1] }));
  const answer = await callOutside(callTo(service.url));
  assert.deepEqual(parseAnswer('Example', Type.Object({ id: Type.String() }), answer.bytes), { id: 'x', more: [1] });
  assert.equal(service.seen[0]?.headers.authorization, `Bearer ${KEY}`);
});

// GLK-14
test('an answer that is too large is refused before all of it was read', async () => {
  await using service = await startService(() => bytes(Buffer.alloc(1_000_000)));
  await assert.rejects(callOutside(callTo(service.url)), {
    code: 'OUTSIDE_REFUSED',
    message: 'Example answered with more than 1000 bytes.',
  });
});

// GLK-14
test('nobody at the address is a failure that passes', async () => {
  const service = await startService(() => silence);
  await service[Symbol.asyncDispose]();
  await assert.rejects(
    callOutside(callTo(service.url)),
    (error) => isKeelsonError(error, 'OUTSIDE_UNAVAILABLE') && error.message.includes('ECONNREFUSED'),
  );
});

// GLK-14
test('a caller that gives up gets its own reason, and the connection is let go', async () => {
  const gone = Promise.withResolvers<boolean>();
  const giveUp = new AbortController();
  const reason = new KeelsonError('SERVICE_UNAVAILABLE', { message: 'The lease is lost.' });
  await using service = await startService(() => async (response) => {
    giveUp.abort(reason);
    await once(response, 'close');
    gone.resolve(true);
  });
  await assert.rejects(callOutside(callTo(service.url, { signal: giveUp.signal })), (error) => error === reason);
  assert.ok(await gone.promise);
  await assert.rejects(callOutside(callTo(service.url, { signal: giveUp.signal })), (error) => error === reason);
  assert.equal(service.seen.length, 1, 'who has given up before calls nobody');
});
