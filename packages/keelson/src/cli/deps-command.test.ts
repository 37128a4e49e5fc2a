/** The command group `deps` as it is called: in an app and without one, and what it does not take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeProject } from './deps.fixture.ts';
import { runProjectProgram } from './program.ts';
import { makeSample } from './sample.fixture.ts';

test('an app has the command, and says where its folder belongs to no project', async () => {
  using sample = makeSample();
  const help = await sample.command(['deps', 'update', '--help']);
  assert.equal(help.code, 0, help.err);
  for (const word of ['--dry-run', '--no-major', '--keep', '--install', '--test', '--json', '.keelson/deps/backup'])
    assert.ok(help.out.includes(word), word);
  const lost = await sample.command(['deps', 'update']);
  assert.equal(lost.code, 2);
  assert.match(lost.err, /^error: [^\n]* has no lock, and is no workspace of /u);
  const wrong = await sample.command(['deps', 'update', '--keep', 'two words']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /'two words' is invalid[^\n]*It is not the name of a package/u);
});

// LRP-9
test('without an app the same command runs, and only that; without npm it says so and leaves nothing', async () => {
  using project = makeProject({ url: 'http://127.0.0.1:1/' }, { 'package.json': { name: 'shop' }, 'package-lock.json': {} });
  const said: string[] = [];
  const paint = { data: plain, talk: plain };
  const output = { data: (text: string) => void said.push(text), talk: (text: string) => void said.push(text), progress: () => {}, paint };
  const place = { folder: project.folder, environment: { PATH: project.folder }, output };
  assert.equal(await runProjectProgram(place, ['deps', '--help']), 0);
  assert.match(said.join('\n'), /update \[options\]/u);
  await assert.rejects(runProjectProgram(place, ['serve']), { code: 'USAGE', message: /Unknown command 'serve'/u });
  await assert.rejects(runProjectProgram(place, ['deps', 'update']), { code: 'MISUSE', message: /npm could not be started/u });
  assert.deepEqual(project.state(), { 'package.json': '{\n  "name": "shop"\n}\n', 'package-lock.json': '{}\n' });
});

const plain = (_colour: string, word: string): string => word;
