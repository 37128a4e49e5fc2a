/** What the document of the commands advises when something is wrong, typed as it stands there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsBelow } from './document.fixture.ts';
import { bin, type Ended, makeDatabase, makeSample, startProgram } from './sample.fixture.ts';

// INF-10
test('each command that the document advises when something is wrong answers its question', async () => {
  using sample = makeSample();
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url, PORT: '0' };
  const run = (line: string): Promise<Ended> => startProgram([bin, ...wordsOf(line)], { folder: sample.folder, environment }).ended;
  await sample.command(['migrate', 'up'], environment);
  const advised = rowsBelow('## When something is wrong').map((row) => (row[2] ?? '').replaceAll('`', ''));
  const expected = new Map<string, RegExp>([
    ['npx keelson doctor', /^ok +server +PostgreSQL \d+/mu],
    ['npx keelson config', /^DATABASE_URL +postgresql:\S+ +environment$/mu],
    ['npx keelson migrate current', /^20260102T0900_add_title$/mu],
    ['npx keelson migrate history', /up +20260101T0900_initial/u],
    ['npx keelson migrate status', /^up to date$/mu],
    ['npx keelson migrate drift', /^$/u],
    ["npx keelson db sql '\\dt'", /^sample \| notes/mu],
  ]);
  const looks = await Promise.all([...expected.keys()].map(run));
  for (const [at, [line, pattern]] of [...expected].entries()) {
    assert.ok(advised.includes(line), `${line} is advised`);
    assert.equal(looks[at]?.code, 0, looks[at]?.err ?? '');
    assert.match(looks[at]?.out ?? '', pattern);
  }
  const anew = advised.find((line) => line.includes('&&')) ?? '';
  const said: string[] = [];
  for (const line of anew.split('&&')) {
    const { code, out, err } = await run(line.trim());
    assert.equal(code, 0, err);
    said.push(
      ...out
        .trimEnd()
        .split('\n')
        .map((each) => each.replace(/ +\d+ ms$/u, '').replaceAll(/ +/gu, ' ')),
    );
  }
  const both = ['20260101T0900_initial', '20260102T0900_add_title'];
  assert.deepEqual(said, [...both.toReversed().map((each) => `down ${each}`), ...both.map((each) => `up ${each}`)]);
  const rest = advised.filter((line) => !expected.has(line) && line !== anew);
  assert.deepEqual(rest, ['npm test -- users/routes'], 'nothing is advised that is not run here, but one test, which a slow test runs');
});

/** The words after the program, as a shell would take them. */
function wordsOf(line: string): string[] {
  const [npx, program, ...words] = line.split(' ');
  assert.deepEqual([npx, program], ['npx', 'keelson']);
  return words.map((word) => word.replaceAll("'", ''));
}
