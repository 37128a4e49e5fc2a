/** What a person does on a real terminal and with a single test: the commands as they are typed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { makeDatabase, makeSample, root } from './sample.fixture.ts';

/** Gives a program a terminal of its own. */
const script = '/usr/bin/script';

interface Step {
  readonly after: string;
  readonly type: string;
}

/** Runs a shell line on a terminal, types when it has said something, and gives what stood there. */
async function onTerminal(
  line: string,
  steps: readonly Step[],
  place: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  const child = spawn(script, ['-qec', line, '/dev/null'], { ...place, stdio: 'pipe' });
  const left = [...steps];
  let seen = '';
  let from = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
    const [step] = left;
    if (step === undefined || !seen.includes(step.after, from)) return;
    from = seen.length;
    left.shift();
    child.stdin.write(step.type);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return `${seen.replaceAll('\r', '')}exit code ${String(code)}`;
}

// INF-9 INF-10
test(
  'on a real terminal a password is not shown, sql answers line by line, and reset wants the name',
  { skip: !existsSync(script) },
  async () => {
    using sample = makeSample();
    await using database = await makeDatabase();
    const name = new URL(database.url).pathname.slice(1);
    const place = {
      cwd: sample.folder,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TERM: 'xterm', DATABASE_URL: database.url },
    };
    const app = `${process.execPath} app.ts`;
    const made = await onTerminal(
      `${app} user create-superuser ada@example.org`,
      [
        { after: 'Password for ada@example.org: ', type: 'correct horse\r' },
        { after: 'Once more: ', type: 'correct horse\r' },
      ],
      place,
    );
    assert.match(made, /ada@example\.org was added, and may do everything\.\nexit code 0$/u);
    assert.ok(!made.includes('correct'), made);
    const asked = await onTerminal(
      `${app} db sql`,
      [
        { after: `${name}=> `, type: `select title::json->>'password' as kept from notes;\r` },
        { after: `(1 row)`, type: 'select pg_sleep(600);\r' },
        { after: 'pg_sleep(600);', type: '\u0003' },
        { after: 'user request', type: '\\q\r' },
      ],
      place,
    );
    assert.match(asked, /correct horse\n[^]*canceling statement due to user request[^]*exit code 0$/u);
    const cancelled = await onTerminal(`${app} db reset`, [{ after: 'to go on: ', type: '\u0003' }], place);
    assert.match(cancelled, /It was not answered; nothing was done\.[^]*exit code 2$/u);
    const reset = await onTerminal(`${app} db reset`, [{ after: 'to go on: ', type: `${name}\r` }], place);
    assert.match(reset, /Dropping the schema sample …\nApplying 2 revisions …\n {2}1 of 2\n {2}2 of 2\nsample is as new[^]*exit code 0$/u);
  },
);

// INF-10
test('a single test is run by a part of its path', async () => {
  const { TEST_DATABASE_URL: _of, NODE_TEST_CONTEXT: _this, ...env } = process.env;
  const child = spawn('npm', ['test', '--', 'users/routes'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0, out);
  assert.match(out, /^[1-9]\d* passed, 0 failed$/mu);
});
