/** The command `dev`: one clean start anew for a change, by the bin and by the program, and nothing left behind. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { bin, makeDatabase, makeSample, startProgram } from './sample.fixture.ts';

test('a change of a source stops the app in good order and starts it once more, and SIGTERM ends it all', async () => {
  await using database = await makeDatabase();
  for (const program of ['app.ts', bin]) {
    using sample = makeSample();
    const started = startProgram([program, 'dev'], { folder: sample.folder, environment: { DATABASE_URL: database.url, PORT: '0' } });
    await started.said(/Ctrl-C stops it\./u);
    const [, first = ''] = await started.said(/^ {2}Health +(\S+)$/mu);
    assert.equal((await fetch(first)).status, 200);
    appendFileSync(path.join(sample.folder, 'app.ts'), '// changed\n');
    await started.said(/Change detected[^]*server\.stopped[^]*Ctrl-C stops it\./u);
    started.child.kill('SIGTERM');
    const ended = await started.ended;
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out.match(/Change detected/gu)?.length, 1, ended.out);
    assert.equal(ended.out.match(/"event":"server\.listening"/gu)?.length, 2);
    assert.equal(ended.out.match(/"event":"server\.stopped"/gu)?.length, 2);
    await assert.rejects(fetch(first));
  }
});
