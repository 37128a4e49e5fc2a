/** The embedded chain under processes that are killed while they send and mine. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { calmly } from '../outside.fixture.ts';
import { batches } from './chain-process.fixture.ts';
import { chainPlace, clientOf, revealsOf } from './chain.fixture.ts';

const KILLS_EACH = 2;

/** Runs a process again and again until it comes to its end; the first few times it is killed on the way. */
async function runUntilDone(directory: string, first: number): Promise<number> {
  const program = path.join(import.meta.dirname, 'chain-process.fixture.ts');
  for (let kills = 0; kills <= KILLS_EACH; kills += 1) {
    const child = fork(program, [directory, String(first)]);
    let reports = 0;
    child.on('message', () => {
      reports += 1;
      if (kills < KILLS_EACH && reports === 2 + 2 * kills) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    if (child.signalCode !== 'SIGKILL') {
      assert.equal(child.exitCode, 0);
      return kills;
    }
  }
  return assert.fail('it was killed more often than it should');
}

function parseBlock(text: string): readonly { readonly from: string; readonly nonce: number; readonly hash: string }[] {
  return (JSON.parse(text) as { transactions: { from: string; nonce: number; hash: string }[] }).transactions;
}

// GLK-14
test('processes that are killed by -9 while they reveal lose no token, reveal none twice and use no nonce twice', async () => {
  await using place = await chainPlace();
  const firsts = [0, 1_000, 2_000];
  const kills = await Promise.all(firsts.map((first) => runUntilDone(place.directory, first)));
  assert.deepEqual(
    kills,
    firsts.map(() => KILLS_EACH),
  );
  const tokens = firsts.flatMap((first) => Array.from({ length: batches.count * batches.tokens }, (_, index) => first + index));
  assert.equal((await clientOf(place.open()).listRevealed(revealsOf(...tokens), calmly())).length, tokens.length);
  const folder = path.join(place.directory, 'blocks');
  const blocks = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const mined = (await Promise.all(blocks.map((name) => readFile(path.join(folder, name), 'utf8')))).flatMap(parseBlock);
  assert.equal(new Set(mined.map(({ from, nonce }) => `${from} ${String(nonce)}`)).size, mined.length);
  assert.ok(mined.length >= firsts.length * batches.count);
});
