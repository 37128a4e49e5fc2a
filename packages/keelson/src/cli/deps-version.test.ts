/** Versions and ranges, as semver has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, isMajorStep, isPrerelease, satisfies } from './deps-version.ts';

test('versions have the order that semver gives them', () => {
  // The order of https://semver.org/spec/v2.0.0.html#spec-item-11, and what lies around it.
  const inOrder = [
    'nothing',
    '0.0.9',
    '1.0.0-0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
    '10.0.0',
  ];
  for (const [at, one] of inOrder.entries())
    for (const [place, other] of inOrder.entries()) {
      assert.equal(Math.sign(compareVersions(one, other)), Math.sign(at - place), `${one} ${other}`);
    }
  assert.equal(compareVersions('1.2.3+build.7', 'v1.2.3'), 0);
  assert.deepEqual(['1.0.0-rc.1', '1.0.0', '1.0.0+x-y'].map(isPrerelease), [true, false, false]);
});

test('a step is major where it may break: below 1.0 a minor, below 0.1 a patch', () => {
  for (const [from, to, expected] of [
    ['1.2.3', '1.9.0', false],
    ['1.2.3', '2.0.0', true],
    ['0.2.3', '0.2.9', false],
    ['0.2.3', '0.3.0', true],
    ['0.0.3', '0.0.4', true],
    ['0.9.0', '1.0.0', true],
    ['1.0.0-alpha.1', '1.0.0', false],
    ['1.0.0', 'nothing', true],
  ] as const)
    assert.equal(isMajorStep(from, to), expected, `${from} ${to}`);
});

test('a range holds what semver says that it holds', () => {
  for (const [range, inside, outside] of [
    ['>=24', ['24.0.0', '26.10.0'], ['23.9.9', '24.0.0-rc.1']],
    ['>= 10.16.0 <23', ['10.16.0', '22.1.0'], ['10.15.9', '23.0.0']],
    ['^20.19.0 || ^22.13.0 || >=24', ['20.19.1', '22.13.0', '25.0.0'], ['20.18.0', '21.0.0', '23.0.0']],
    ['18.x', ['18.0.0', '18.99.1'], ['17.9.0', '19.0.0']],
    ['20 || >=22', ['20.1.0', '22.0.0'], ['21.0.0']],
    ['~1.2.3', ['1.2.3', '1.2.9'], ['1.2.2', '1.3.0']],
    ['~1', ['1.9.0'], ['2.0.0']],
    ['^0.2.3', ['0.2.3', '0.2.9'], ['0.3.0', '0.2.2']],
    ['^0.0.3', ['0.0.3'], ['0.0.4']],
    ['^0', ['0.9.0'], ['1.0.0']],
    ['1.2.3 - 2.3', ['1.2.3', '2.3.9'], ['2.4.0', '1.2.2']],
    ['<=22', ['22.9.0'], ['23.0.0']],
    ['>22', ['23.0.0'], ['22.9.0']],
    ['<20.1', ['20.0.9'], ['20.1.0']],
    ['=1.2.3', ['1.2.3'], ['1.2.4']],
    ['1.2.3', ['1.2.3'], ['1.2.4']],
    ['>1.2.3', ['1.2.4'], ['1.2.3']],
    ['<=1.2.3', ['1.2.3'], ['1.2.4']],
    ['', ['1.0.0'], []],
    ['*', ['1.0.0'], []],
    ['what is this', ['1.0.0'], []],
  ] as const) {
    for (const version of inside) assert.equal(satisfies(version, range), true, `${version} in ${range}`);
    for (const version of outside) assert.equal(satisfies(version, range), false, `${version} not in ${range}`);
  }
});
