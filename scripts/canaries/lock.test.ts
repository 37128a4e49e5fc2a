/** The lock file: a binary of another platform that npm left out is reported, and put in by `npm run fix`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLock, completeLock } from '../tidy/lock.ts';

const lock = `${JSON.stringify(
  {
    name: 'x',
    packages: {
      '': { dependencies: { tool: '1.0.0' } },
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { 'tool-linux-x64-gnu': '1.0.0', 'tool-darwin-arm64': '1.0.0', loose: '^1.0.0' },
      },
      'node_modules/tool-linux-x64-gnu': { version: '1.0.0', os: ['linux'], cpu: ['x64'], dev: true, optional: true },
    },
  },
  null,
  2,
)}\n`;

test('a binary that is not locked is reported, and completing the file puts it in for its platform only', () => {
  assert.equal(checkLock('package-lock.json', lock).length, 1);
  const completed = completeLock(lock.replace(',\n        "loose": "^1.0.0"', ''));
  assert.deepEqual(checkLock('package-lock.json', completed), []);
  const darwin = `"node_modules/tool-darwin-arm64":${JSON.stringify({ version: '1.0.0', cpu: ['arm64'], dev: true, optional: true, os: ['darwin'] })}`;
  assert.ok(completed.replaceAll(/\s/gu, '').includes(darwin), completed);
  assert.equal(completeLock(completed), completed, 'what is complete is left as it is');
});

test('a range is not locked by guessing', () => {
  assert.equal(checkLock('package-lock.json', completeLock(lock)).length, 1);
});
