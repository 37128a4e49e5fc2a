/** Passwords: which are refused, how old hashes are read and replaced, and that a missing user costs as much as a real one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as bcrypt from '@node-rs/bcrypt';
import { type Clock, systemClock } from '../clock.ts';
import { isKeelsonError, type KeelsonError } from '../errors.ts';
import { Gate } from './gate.ts';
import { argon2Scheme, bcryptScheme } from './password-scheme.ts';
import { Passwords } from './password.ts';

const cheap = { bcryptCost: 4, argon2MemoryKib: 64, argon2Passes: 1 };
const passwords = new Passwords(cheap);
const argon2Passwords = new Passwords({ ...cheap, scheme: 'argon2id' });

function refusalOf(action: () => void): KeelsonError {
  try {
    action();
  } catch (error) {
    assert.ok(isKeelsonError(error, 'VALIDATION_ERROR'));
    return error;
  }
  return assert.fail('It was accepted.');
}

// INF-6
test('a password matches its hash, and no other does', async () => {
  for (const kept of [passwords, argon2Passwords]) {
    const stored = await kept.hash('correct horse');
    assert.ok(!stored.includes('correct horse'));
    assert.deepEqual(await kept.verify('correct horse', stored), { matches: true, isRehashDue: false });
    for (const wrong of ['correct horsf', 'Correct horse', 'correct horse ', ' correct horse', '']) {
      assert.deepEqual(await kept.verify(wrong, stored), { matches: false, isRehashDue: false });
    }
  }
});

test('two hashes of one password differ', async () => {
  assert.notEqual(await passwords.hash('correct horse'), await passwords.hash('correct horse'));
});

// INF-6
test('hashes of other bcrypt programs are read: the vectors of crypt_blowfish and the prefixes 2a, 2b, 2y', async () => {
  assert.equal((await passwords.verify('U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW')).matches, true);
  assert.equal((await passwords.verify('U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK')).matches, true);
  for (const version of ['2a', '2b', '2y'] as const) {
    const stored = await bcrypt.hash('from elsewhere', { cost: 4, version });
    assert.equal((await passwords.verify('from elsewhere', stored)).matches, true);
    assert.equal((await passwords.verify('from nowhere', stored)).matches, false);
  }
});

test('a hash of another scheme or another cost asks to be made anew, only when the password was right', async () => {
  const old = await bcrypt.hash('correct horse', { cost: 5 });
  assert.deepEqual(await passwords.verify('correct horse', old), { matches: true, isRehashDue: true });
  assert.deepEqual(await passwords.verify('correct house', old), { matches: false, isRehashDue: false });
  const bcryptHash = await passwords.hash('correct horse');
  assert.deepEqual(await argon2Passwords.verify('correct horse', bcryptHash), { matches: true, isRehashDue: true });
  const argon2Hash = await argon2Passwords.hash('correct horse');
  assert.deepEqual(await passwords.verify('correct horse', argon2Hash), { matches: true, isRehashDue: true });
  const dearer = new Passwords({ ...cheap, scheme: 'argon2id', argon2Passes: 2 });
  assert.deepEqual(await dearer.verify('correct horse', argon2Hash), { matches: true, isRehashDue: true });
});

test('an imported bcrypt hash of a longer password still lets its user in, and is not replaced by a cut one', async () => {
  const long = 'x'.repeat(80);
  const imported = await bcrypt.hash(long, { cost: 5 });
  assert.deepEqual(await passwords.verify(long, imported), { matches: true, isRehashDue: false });
  assert.deepEqual(await argon2Passwords.verify(long, imported), { matches: true, isRehashDue: true });
});

// INF-6
test('bcrypt takes 72 bytes and not one more, counted in bytes; argon2id takes 512', async () => {
  const fitting = ['x'.repeat(72), 'ü'.repeat(36), '🜁'.repeat(18)];
  for (const password of fitting) {
    passwords.check(password);
    assert.equal((await passwords.verify(password, await passwords.hash(password))).matches, true);
  }
  for (const password of ['x'.repeat(73), 'ü'.repeat(37), `${'x'.repeat(71)}ü`, '🜁'.repeat(19)]) {
    const refusal = refusalOf(() => passwords.check(password));
    assert.deepEqual(refusal.validationErrors, [{ field: 'body.password', message: 'must have at most 72 bytes in UTF-8' }]);
    await assert.rejects(passwords.hash(password), (error) => isKeelsonError(error, 'VALIDATION_ERROR'));
    argon2Passwords.check(password);
  }
  argon2Passwords.check('x'.repeat(512));
  refusalOf(() => argon2Passwords.check('x'.repeat(513)));
});

test('a short password is refused, counted in characters, and old short ones can still be kept anew', async () => {
  const refusal = refusalOf(() => passwords.check('1234567', { field: 'body.new_password' }));
  assert.deepEqual(refusal.validationErrors, [{ field: 'body.new_password', message: 'must have at least 8 characters' }]);
  refusalOf(() => passwords.check('🜁'.repeat(7)));
  refusalOf(() => passwords.check(''));
  passwords.check('8qk2vzm5');
  passwords.check('🜁🜂🜃🜄🜅🜆🜇🜈');
  refusalOf(() => new Passwords({ ...cheap, lengthMin: 15 }).check('x'.repeat(14)));
  assert.equal((await passwords.verify('short', await passwords.hash('short'))).matches, true);
});

test('NUL characters and halves of surrogate pairs are refused, together with every other problem, and never echoed', () => {
  const refusal = refusalOf(() => passwords.check('a\0\ud800'));
  assert.deepEqual(
    refusal.validationErrors?.map(({ message }) => message),
    ['must not contain a NUL character', 'must not contain half a surrogate pair', 'must have at least 8 characters'],
  );
  assert.ok(!JSON.stringify(refusal).includes('a\\u0000'));
  assert.ok(refusal.validationErrors?.every((problem) => !('value' in problem)));
});

test('half a surrogate pair does not match the character it would become', async () => {
  for (const kept of [passwords, argon2Passwords]) {
    const stored = await kept.hash('password\ufffd');
    assert.equal((await kept.verify('password\ufffd', stored)).matches, true);
    assert.equal((await kept.verify('password\ud800', stored)).matches, false);
  }
});

test('nothing is changed on the way: neither trimmed, nor lower-cased, nor normalised', async () => {
  const stored = await passwords.hash(' Caf\u00e9 ist gut ');
  assert.equal((await passwords.verify('Caf\u00e9 ist gut', stored)).matches, false);
  assert.equal((await passwords.verify(' Cafe\u0301 ist gut ', stored)).matches, false);
});

// INF-6
test('the dummy has the configured scheme and cost, and is a hash that its scheme reads', async () => {
  for (const scheme of [bcryptScheme(), bcryptScheme({ bcryptCost: 4 }), argon2Scheme(), argon2Scheme({ argon2MemoryKib: 64 })]) {
    assert.ok(scheme.reads(scheme.dummy));
    assert.ok(scheme.isCurrent(scheme.dummy));
    assert.equal(scheme.dummy.length, (await scheme.hash('correct horse')).length);
    assert.equal(await scheme.verify('correct horse', scheme.dummy), false);
  }
  assert.equal(bcrypt.parseOptions(bcryptScheme().dummy).cost, 12);
});

test('for a user who does not exist, or whose hash nobody can read, no password matches', async () => {
  for (const kept of [passwords, argon2Passwords]) {
    for (const stored of [null, '', 'plain text', '$1$old$hash', '$2b$04$tooshort']) {
      assert.deepEqual(await kept.verify('correct horse', stored), { matches: false, isRehashDue: false });
    }
  }
});

test('a damaged argon2id hash matches nothing instead of failing the log-in', async () => {
  assert.deepEqual(await argon2Passwords.verify('correct horse', '$argon2id$v=19$m=64,t=1,p=1$broken'), {
    matches: false,
    isRehashDue: false,
  });
});

/** A clock whose sleepers wake when the test says so. */
function handClock(): Clock & { wake(): void } {
  let sleepers: (() => void)[] = [];
  return {
    now: () => systemClock.now(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (_durationMs, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason instanceof Error ? signal.reason : assert.fail('no reason')));
      }),
    wake() {
      for (const resolve of sleepers) resolve();
      sleepers = [];
    },
  };
}

// INF-6
test('a gate runs two tasks at once, the others in their order, and refuses when the queue is full', async () => {
  const gate = new Gate({ concurrencyMax: 2, queueMax: 3, waitMs: 2_000, clock: handClock() });
  const ends: PromiseWithResolvers<void>[] = [];
  const started: number[] = [];
  const runs = [0, 1, 2, 3, 4].map((number) =>
    gate.run(async () => {
      started.push(number);
      const end = Promise.withResolvers<void>();
      ends.push(end);
      await end.promise;
      return number;
    }),
  );
  assert.deepEqual(started, [0, 1]);
  await assert.rejects(
    gate.run(() => assert.fail('It ran.')),
    (error) => isKeelsonError(error, 'SERVICE_UNAVAILABLE') && error.retryAfterS === 2 && error.status === 503,
  );
  for (const [number, run] of runs.entries()) {
    ends[number]?.resolve();
    assert.equal(await run, number);
    assert.ok(started.length <= number + 3);
  }
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
  assert.equal(await gate.run(() => Promise.resolve('free again')), 'free again');
});

test('who waits too long is refused and leaves the queue, and the place goes to the next', async () => {
  const clock = handClock();
  const gate = new Gate({ concurrencyMax: 1, queueMax: 1, waitMs: 2_000, clock });
  const end = Promise.withResolvers<string>();
  const running = gate.run(() => end.promise);
  const impatient = gate.run(() => assert.fail('It ran.'));
  clock.wake();
  await assert.rejects(impatient, (error) => isKeelsonError(error, 'SERVICE_UNAVAILABLE'));
  const next = gate.run(() => Promise.resolve('next'));
  end.resolve('first');
  assert.deepEqual(await Promise.all([running, next]), ['first', 'next']);
});

// INF-6
test('who would wait too long, by what tasks took lately, is refused at once', async () => {
  let nowMs = 0;
  const clock: Clock = { ...handClock(), monotonicMs: () => nowMs };
  const gate = new Gate({ concurrencyMax: 1, queueMax: 64, waitMs: 2_000, clock });
  await gate.run(async () => {
    nowMs += 900;
  });
  const end = Promise.withResolvers<string>();
  const runs = [gate.run(() => end.promise), gate.run(() => end.promise), gate.run(() => end.promise)];
  await assert.rejects(
    gate.run(() => assert.fail('It ran.')),
    (error) => isKeelsonError(error, 'SERVICE_UNAVAILABLE'),
  );
  end.resolve('served');
  assert.deepEqual(await Promise.all(runs), ['served', 'served', 'served']);
});

test('a gate that is told what a task takes foresees it from the first one on', async () => {
  const gate = new Gate({ concurrencyMax: 1, queueMax: 64, waitMs: 2_000, taskMs: 900, clock: handClock() });
  const end = Promise.withResolvers<string>();
  const runs = [gate.run(() => end.promise), gate.run(() => end.promise), gate.run(() => end.promise)];
  await assert.rejects(
    gate.run(() => assert.fail('It ran.')),
    (error) => isKeelsonError(error, 'SERVICE_UNAVAILABLE') && (error.retryAfterS ?? 0) >= 1,
  );
  end.resolve('served');
  assert.deepEqual(await Promise.all(runs), ['served', 'served', 'served']);
});

test('whoever gets no turn is refused before anything is asked for its sake', async () => {
  const bounded = new Passwords({ bcryptCost: 4, concurrencyMax: 1, queueMax: 1 });
  const end = Promise.withResolvers<void>();
  const asked: string[] = [];
  const ask = (who: string): Promise<boolean> =>
    bounded.inTurn(async (verify) => {
      asked.push(who);
      await end.promise;
      return (await verify('whatever it is', null)).matches;
    });
  const served = [ask('first'), ask('second')];
  await assert.rejects(ask('third'), (error) => isKeelsonError(error, 'SERVICE_UNAVAILABLE'));
  end.resolve();
  assert.deepEqual(await Promise.all(served), [false, false]);
  assert.deepEqual(asked, ['first', 'second']);
});

test('a task that fails gives its place back', async () => {
  const gate = new Gate({ concurrencyMax: 1, queueMax: 1, waitMs: 2_000 });
  await assert.rejects(
    gate.run(() => Promise.reject(new TypeError('no'))),
    TypeError,
  );
  assert.equal(await gate.run(() => Promise.resolve('yes')), 'yes');
});

test('with a full queue a log-in is refused at once, and those who wait are served', async () => {
  const bounded = new Passwords({ ...cheap, concurrencyMax: 1, queueMax: 2 });
  const stored = await passwords.hash('correct horse');
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => bounded.verify('correct horse', stored)));
  const served = results.filter((result) => result.status === 'fulfilled');
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(served.length, 3);
  assert.ok(refused.every(({ reason }) => isKeelsonError(reason, 'SERVICE_UNAVAILABLE')));
  assert.equal((await bounded.verify('correct horse', stored)).matches, true);
});
