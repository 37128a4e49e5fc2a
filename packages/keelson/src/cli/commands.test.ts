/** The document of the commands: it names every command there is and none else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsBelow } from './document.fixture.ts';
import { makeSample, type Sample } from './sample.fixture.ts';

async function namesIn(sample: Sample, ...group: readonly string[]): Promise<string[]> {
  const { out } = await sample.command([...group, '--help']);
  const [, list = ''] = out.split('Commands:\n');
  return [...list.matchAll(/^ {2}([a-z-]+)/gmu)].map((match) => match[1] ?? '');
}

test('the document names every command that there is, with a row for each, and none that is not', async () => {
  using sample = makeSample();
  const groups = new Set(['migrate', 'db', 'user', 'jobs', 'deps']);
  const there: string[] = [];
  for (const name of await namesIn(sample)) {
    const below = groups.has(name) ? await namesIn(sample, name) : [''];
    there.push(...below.map((each) => `${name} ${each}`.trim()));
  }
  assert.ok(there.length > 15, there.join(', '));
  const told = rowsBelow('| command | does |').map(([command = '']) => /^`([a-z -]*[a-z])/u.exec(command)?.[1]?.replace(/ -.*/u, '') ?? '');
  assert.deepEqual(told.toSorted(), there.toSorted());
  for (const command of there) {
    const help = await sample.command([...command.split(' '), '--help']);
    assert.equal(help.code, 0);
    const withoutJson = ['serve', 'worker', 'dev', 'migrate sql', 'db seed'].includes(command);
    assert.equal(help.out.includes('--json'), !withoutJson, command);
  }
});
