/** Which versions are chosen where not all go together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import type { Offer } from './deps-offers.ts';
import { settle } from './deps-settle.ts';
import type { Targets } from './deps-rewrite.ts';

const offer = (name: string, more: Partial<Offer> = {}): Offer => ({
  name,
  from: '1.0.0',
  near: async () => '1.1.0',
  newest: '2.0.0',
  files: ['package.json'],
  isProduction: false,
  family: undefined,
  ...more,
});

/** What a name stands at: where nothing is said, at the version that it has. */
const at = (targets: Targets, name: string): string | null => {
  const target = targets.get(name);
  return target === undefined ? '1.0.0' : target;
};

async function settleWith(offers: readonly Offer[], isWell: (targets: Targets) => boolean) {
  const tried: Targets[] = [];
  const settled = await settle(
    offers,
    async (targets) => {
      tried.push(targets);
      return isWell(targets) ? { lock: `lock ${tried.length}` } : { why: '  ERESOLVE' };
    },
    () => {},
  );
  return { ...settled, tried };
}

const server = offer('server', { isProduction: true });
const other = offer('other', { isProduction: true });

// LRP-9
test('everything at its newest is tried first, and taken when it resolves', async () => {
  const { strategy, versions, tried, held, lock } = await settleWith([server, offer('tool')], () => true);
  assert.deepEqual({ strategy, held, lock, tries: tried.length }, { strategy: 'everything', held: [], lock: 'lock 1', tries: 1 });
  assert.deepEqual(
    [...versions],
    [
      ['server', '2.0.0'],
      ['tool', '2.0.0'],
    ],
  );
});

// LRP-9
test('production comes first, without what is developed with; then as much of that as goes with it', async () => {
  const tools = ['a', 'b', 'c', 'd', 'e'].map((name) => offer(name));
  const { strategy, versions, held, tried } = await settleWith([server, ...tools], (targets) => at(targets, 'd') !== '2.0.0');
  assert.equal(strategy, 'production_first');
  assert.deepEqual(Object.fromEntries(versions), { server: '2.0.0', a: '2.0.0', b: '2.0.0', c: '2.0.0', d: '1.1.0', e: '2.0.0' });
  assert.deepEqual(held, [{ name: 'd', from: '1.0.0', newest: '2.0.0', why: 'does not go with the rest' }]);
  assert.ok([...(tried[1] ?? [])].every(([name, version]) => version === (name === 'server' ? '2.0.0' : null)));
});

test('of production what does not go stays, and a family moves or stays as one', async () => {
  const family = ['build-a', 'build-b'].map((name) => offer(name, { isProduction: true, family: 'builds', near: async () => '1.0.0' }));
  const { versions, held } = await settleWith(
    [server, other, ...family],
    (targets) => at(targets, 'build-b') !== '2.0.0' && at(targets, 'build-a') === at(targets, 'build-b'),
  );
  assert.deepEqual(Object.fromEntries(versions), { server: '2.0.0', other: '2.0.0', 'build-a': '1.0.0', 'build-b': '1.0.0' });
  assert.deepEqual(
    held.map(({ name }) => name),
    ['build-a', 'build-b'],
  );
});

// LRP-9
test('what can be placed in no version is named, with what npm said', async () => {
  const stuck = offer('stuck', { newest: '1.0.0', near: async () => '1.0.0' });
  for (const offers of [
    [server, stuck],
    [server, offer('stuck')],
  ]) {
    await assert.rejects(
      settleWith(offers, (targets) => at(targets, 'stuck') === null),
      (error) => isKeelsonError(error, 'UPDATE_FAILED') && /^stuck goes with the others in no version[^]*ERESOLVE$/u.test(error.message),
    );
  }
  await assert.rejects(
    settleWith([offer('still', { isProduction: true, newest: '1.0.0', near: async () => '1.0.0' })], () => false),
    (error) => isKeelsonError(error, 'UPDATE_FAILED') && error.message.includes('Nothing goes together'),
  );
});
