/** The program as a process: its exit code, and what it writes where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSample } from './sample.fixture.ts';

// INF-10 in part
test('the program ends with the exit code, and keeps data and talk apart', async () => {
  using sample = makeSample();
  const [config, wrong, failed] = await Promise.all([
    sample.run(['config', '--json']),
    sample.run(['confgi']),
    sample.run(['config'], { PORT: 'many', DEBUG: '1' }),
  ]);
  assert.equal(config.code, 0, config.err);
  const shown: unknown = JSON.parse(config.out);
  assert.ok(typeof shown === 'object' && shown !== null && 'settings' in shown);
  assert.equal(wrong.code, 2);
  assert.equal(wrong.out, '');
  assert.match(wrong.err, /^error: Unknown command 'confgi'\.\nhint: {2}Did you mean config\? See: node app\.ts --help\n/u);
  assert.equal(failed.code, 1);
  assert.match(failed.err, /\n {4}at /u, 'DEBUG shows the stack');
});
