/** Which of two sources holds, what counts as set, and what is said of a file that cannot be read. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { quoted } from './example.ts';
import { findAll, readSources } from './sources.ts';

async function folder(t: TestContext, env?: string | Uint8Array): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keelson-sources-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  if (env !== undefined) await writeFile(join(path, '.env'), env);
  return path;
}

test('the environment wins over .env, and a name over its alias', async (t) => {
  // INF-2
  const sources = readSources({ SIZE: '1', OTHER: '2' }, await folder(t, 'SIZE=3\nOTHER=4\nMORE=5\n'));
  assert.deepEqual(findAll(sources, ['SIZE', 'OTHER']), [
    { text: '1', source: 'environment', name: 'SIZE' },
    { text: '2', source: 'environment', name: 'OTHER' },
    { text: '3', source: '.env', name: 'SIZE' },
    { text: '4', source: '.env', name: 'OTHER' },
  ]);
  assert.deepEqual(
    findAll(sources, ['MORE', 'SIZE']).map((found) => found.text),
    ['1', '5', '3'],
  );
  assert.deepEqual(findAll(sources, ['NOTHING']), []);
});

test('an empty value, or one of blanks, means not set', async (t) => {
  // INF-2
  const sources = readSources({ A: '', B: '  ', C: undefined, D: ' x\r\n' }, await folder(t, 'A=1\nE=\nF=""\nG="  "\n'));
  assert.deepEqual([...sources.environment], [['D', 'x']]);
  assert.deepEqual([...sources.file], [['A', '1']]);
});

test('.env is read with comments, quotes, export, several lines, Windows line ends and a byte order mark', async (t) => {
  const text = '\uFEFFA=1\r\n# comment\r\nB="x # y"\r\nexport C=\'a "b"\'\r\nD=`it\'s`\r\nE=x # rest\r\nF="two\nlines"\r\n';
  assert.deepEqual(
    [...readSources({}, await folder(t, text)).file],
    [
      ['A', '1'],
      ['B', 'x # y'],
      ['C', 'a "b"'],
      ['D', "it's"],
      ['E', 'x'],
      ['F', 'two\nlines'],
    ],
  );
});

test('no file, or no folder, is nothing wrong', async (t) => {
  const directory = await folder(t);
  for (const path of [directory, join(directory, 'missing')]) {
    const sources = readSources({}, path);
    assert.equal(sources.finding, undefined);
    assert.equal(sources.file.size, 0);
  }
});

test('a file that cannot be read is told with a hint, and the environment still counts', async (t) => {
  const directory = await folder(t);
  await mkdir(join(directory, '.env'));
  const sources = readSources({ A: '1' }, directory);
  assert.match(sources.finding?.problem ?? '', /it cannot be read \(EISDIR\)/);
  assert.match(sources.finding?.hint ?? '', /Make it a file/);
  assert.deepEqual([...sources.environment], [['A', '1']]);
});

test('a file in another encoding is told', async (t) => {
  const utf16 = Buffer.from('\uFEFFPORT=8000\n', 'utf16le');
  assert.match(readSources({}, await folder(t, utf16)).finding?.problem ?? '', /not text in UTF-8/);
  assert.match(readSources({}, await folder(t, Buffer.from('NAME=caf\xe9\n', 'latin1'))).finding?.problem ?? '', /not text in UTF-8/);
});

test('a file of a size that no settings have is not read', async (t) => {
  const directory = await folder(t, 'A=1\n');
  await truncate(join(directory, '.env'), 1_000_001);
  assert.match(readSources({}, directory).finding?.problem ?? '', /larger than 1000000 bytes/);
});

test('names that objects have by nature are ordinary names', async (t) => {
  const sources = readSources({ constructor: '1' }, await folder(t, '__proto__=2\ntoString=3\n'));
  assert.deepEqual(
    findAll(sources, ['constructor', '__proto__', 'toString', 'valueOf']).map((found) => found.text),
    ['1', '2', '3'],
  );
});

test('any text of .env is read without throwing', async (t) => {
  const directory = await folder(t);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
      await writeFile(join(directory, '.env'), text);
      const sources = readSources({}, directory);
      for (const value of sources.file.values()) assert.equal(typeof value, 'string');
    }),
  );
});

test('a value that the example file writes is read back as it was', async (t) => {
  // INF-2
  const directory = await folder(t);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom('a', 'b', ' ', '#', '"', "'", '`', '\\', '$', '=', '\n', '{', 'é'), maxLength: 12 }),
      async (value) => {
        const written = quoted(value);
        await writeFile(join(directory, '.env'), `BEFORE=1\nNAME=${written}\nAFTER=2\n`);
        const { file } = readSources({}, directory);
        assert.equal(file.get('BEFORE'), '1');
        assert.equal(file.get('AFTER'), '2');
        if (written !== '') assert.equal(file.get('NAME') ?? '', value.trim());
        else assert.equal(file.get('NAME'), undefined);
      },
    ),
    { numRuns: 300 },
  );
});
