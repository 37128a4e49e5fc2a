/** What the clock of the machine promises to those who wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('the clock tells the time of day, and a monotonic time that never goes back', () => {
  assert.ok(systemClock.now() instanceof Date);
  const first = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= first);
});

test('a sleep ends', async () => {
  await systemClock.sleep(0);
  await systemClock.sleep(0, new AbortController().signal);
});

test('an aborted sleep rejects with the reason of the signal itself', async () => {
  const abort = new AbortController();
  const reason = new RangeError('the server is stopping');
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await assert.rejects(sleeping, (error) => error === reason);
});

test('a sleep on a signal that is aborted already does not begin', async () => {
  const reason = new RangeError('too late');
  await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)), (error) => error === reason);
});

test('a sleep longer than a timer can be does not end at once', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  try {
    const abort = new AbortController();
    let ended = false;
    const sleeping = systemClock.sleep(30 * 86_400_000, abort.signal).then(
      () => (ended = true),
      () => undefined,
    );
    await turn();
    await turn();
    assert.equal(ended, false);
    abort.abort();
    await sleeping;
    assert.deepEqual(warnings, []);
  } finally {
    process.off('warning', onWarning);
  }
});
