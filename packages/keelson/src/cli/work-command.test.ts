/** The commands `workers` and `jobs`: what an operator sees of processes and queues, and what he can do about them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import * as Type from 'typebox';
import { systemClock } from '../clock.ts';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { defineApp } from '../http/app.ts';
import { silentLog } from '../log.ts';
import { defineJobs } from '../queue/define-jobs.ts';
import { JobRepository, jobs, queuePauses, schedules } from '../queue/jobs.ts';
import { jobsPart } from '../queue/jobs-part.ts';
import { leaseColumns, leaseIndex } from '../queue/lease.ts';
import { Registration } from '../queue/liveness.ts';
import { WakeUps } from '../queue/listen.ts';
import { defineWorkers } from '../queue/worker.ts';
import { workers as workerTable } from '../queue/worker-table.ts';
import { text, timestamptz, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { type Sql, sql, Statements } from '../schema/sql.ts';
import { index, table } from '../schema/table.ts';
import { testDatabase } from '../testing/database.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { runCommand } from './main.ts';
import { type Ended, makeSample, piped } from './sample.fixture.ts';

const letterState = enumType('letter_state', ['written', 'stamped', 'sent', 'lost']);
const letters = table(
  'letters',
  {
    id: uuid().primaryKey(),
    state: letterState().default('written'),
    writtenAt: timestamptz(),
    note: text().nullable(),
    ...leaseColumns(),
  },
  (t) => [index(t.state, t.writtenAt), leaseIndex(t)],
);
const letterLifeCycle = lifeCycle(
  letters.state,
  { written: ['stamped', 'lost'], stamped: ['sent', 'lost'], sent: [], lost: [] },
  { redrive: { stamped: ['written'] } },
);
class Letter extends entity(letters, letterLifeCycle) {
  markSent(): void {
    this.move('sent');
  }

  markLost(): void {
    this.move('lost');
  }
}
class LetterRepository extends repository(Letter) {}

const model = defineModel({
  name: 'desk',
  tables: [letters, workerTable, jobs, schedules, queuePauses],
  repositories: { letters: LetterRepository, jobs: JobRepository },
});
const sending = defineWorkers<typeof model.repositories, object>(model).worker('sending', {
  claim: { from: 'letters', in: 'written', orderBy: 'writtenAt' },
  start: 'stamped',
  run: async () => undefined,
  done: (letter) => letter.markSent(),
  fail: (letter) => letter.markLost(),
});
const kinds = defineJobs<object>()({
  count: { payload: Type.Object({}), run: () => undefined },
  print: { payload: Type.Object({}), queue: 'paper', run: () => undefined },
});
const app = defineApp({
  name: 'desk',
  version: '1.0.0',
  model,
  settings: defineSettings(baseSettings),
  migrationsDirectory: path.join(import.meta.dirname, 'no-migrations-here'),
  services: () => ({}),
  routes: [],
  workers: [sending],
  jobs: jobsPart(kinds),
});

const plain = (_colour: string, word: string): string => word;

async function openDesk() {
  const database = await testDatabase({ model }, { isolation: 'database' });
  const { postgres } = database;
  const statements = new Statements(model.namespace, { named: false });
  return {
    postgres,
    rows: async (piece: Sql) => (await postgres.readers.query(statements.compile(piece))).rows,
    run: async (...argv: string[]): Promise<Ended> => {
      const [out, err]: [string[], string[]] = [[], []];
      const output = {
        data: (line: string) => void out.push(line),
        talk: (line: string) => void err.push(line),
        progress: () => {},
        paint: { data: plain, talk: plain },
      };
      const code = await runCommand(app, argv, { output, environment: { DATABASE_URL: postgres.url }, input: piped('') });
      return { code, out: out.join('\n'), err: err.join('\n') };
    },
    addJob: async (queue: string, settings: Sql = sql`attempts = 0`): Promise<string> => {
      const { rows } = await postgres.readers.query(
        statements.compile(sql`insert into ${jobs} (queue, kind, payload, attempts_max) values (${queue}, 'count', '{}', 3) returning id`),
      );
      const id = rows[0]?.[0] ?? '';
      await postgres.readers.query(statements.compile(sql`update ${jobs} set ${settings} where id = ${id}`));
      return id;
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

// GLK-14
test('workers shows each process, what it holds and whether it lives, and what waits for whom', async () => {
  await using desk = await openDesk();
  const common = { postgres: desk.postgres, namespace: 'desk', clock: systemClock, log: silentLog };
  const none = await desk.run('workers');
  assert.equal(none.err, 'No process runs workers. To start one: keelson worker');
  assert.match(none.out, /^sending +0 +0 +0 +0$/mu);
  const living = await Registration.open({ ...common, name: 'mail-1', queues: ['sending', 'default'] });
  await desk.rows(sql`
    insert into ${workerTable} (name, host, pid, queues, is_locked, heartbeat_at, lost_at)
    values ('mail-2', 'h', 1, '{paper}', true, now() - interval '7 s', now())`);
  await desk.rows(sql`insert into ${letters} (written_at) values (now()), (now())`);
  await desk.rows(sql`insert into ${letters} (written_at, state, lease_owner) values (now(), 'stamped', ${living.owner})`);
  await desk.addJob('paper');
  const shown = await desk.run('workers');
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^ID +PROCESS +STATE +HELD +SINCE +HEARD +SERVES$/mu);
  assert.match(shown.out, new RegExp(`^${living.owner} +mail-1 +(?:alive|silent) +1 +\\S+Z +\\d+ s ago +sending, default$`, 'mu'));
  assert.match(shown.out, /^\d+ +mail-2 +lost +0 +\S+Z +\d+ s ago +paper$/mu);
  assert.match(shown.out, /^sending +2 +0 +1 +1$/mu);
  assert.match(shown.out, /^paper +1 +0 +0 +0$/mu);
  assert.equal(shown.err, 'Rows wait for paper, which no living process serves.');
  const asJson: unknown = JSON.parse((await desk.run('workers', '--json')).out);
  assert.ok(typeof asJson === 'object' && asJson !== null && 'work' in asJson && 'processes' in asJson);
  assert.ok(Array.isArray(asJson.processes));
  assert.deepEqual(asJson.work, [
    { name: 'sending', waiting: 2, later: 0, held: 1, processes: 1 },
    { name: 'default', waiting: 0, later: 0, held: 0, processes: 1 },
    { name: 'paper', waiting: 1, later: 0, held: 0, processes: 0 },
  ]);
  await living.close();
});

test('jobs are shown by queue, state and kind, with the reason of those that are dead', async () => {
  await using desk = await openDesk();
  const waiting = await desk.addJob('default');
  const dead = await desk.addJob(
    'default',
    sql`failed_at = now(), attempts = 3, last_error = ${{ code: 'BAD', message: 'torn\npaper \u001B[31mred', attempt: 3 }}`,
  );
  await desk.addJob('paper', sql`available_at = now() + interval '1 hour'`);
  await desk.addJob('paper', sql`lease_owner = 5`);
  const queues = await desk.run('jobs', 'queues');
  assert.match(queues.out, /^default +1 +0 +0 +1 +\d+ s$/mu);
  assert.match(queues.out, /^paper +0 +1 +1 +0 +-$/mu);
  const all = await desk.run('jobs', 'list');
  assert.equal(all.out.split('\n').length, 5);
  const onlyDead = await desk.run('jobs', 'list', '--state', 'dead', '--queue', 'default', '--kind', 'count');
  assert.match(onlyDead.out, new RegExp(`^${dead} +default +count +dead +3/3 +\\S+Z +BAD: torn paper red$`, 'mu'));
  assert.ok(!onlyDead.out.includes(waiting));
  const asJson: unknown = JSON.parse((await desk.run('jobs', 'list', '--json', '--state', 'waiting')).out);
  assert.ok(Array.isArray(asJson) && asJson.length === 1);
  assert.equal((await desk.run('jobs', 'list', '--kind', 'nothing')).err, 'There are no such jobs.');
  assert.match((await desk.run('jobs', 'list', '--limit', '2')).err, /There may be more: --limit 4/u);
});

test('a job that waits for its next attempt is hurried, one that is dead is woken, one that runs is left alone', async () => {
  await using desk = await openDesk();
  const later = await desk.addJob('default', sql`available_at = now() + interval '1 hour', attempts = 1`);
  const dead = await desk.addJob('default', sql`failed_at = now(), attempts = 3`);
  const running = await desk.addJob('default', sql`lease_owner = 5`);
  const wakeUps = await WakeUps.open({ postgres: desk.postgres, namespace: 'desk', clock: systemClock, log: silentLog });
  const { promise, resolve } = Promise.withResolvers<string>();
  wakeUps.on('jobs', resolve);
  const retried = await desk.run('jobs', 'retry', later, dead, running);
  assert.equal(retried.err, `2 of 3 will be tried at once.\nNot these, which run, or are gone: ${running}`);
  assert.equal(await promise, 'back');
  await wakeUps.close();
  assert.deepEqual(await desk.rows(sql`select attempts, failed_at is null, available_at <= now(), lease_owner from ${jobs} order by id`), [
    ['1', 't', 't', null],
    ['0', 't', 't', null],
    ['0', 't', 't', '5'],
  ]);
  const nothing = await desk.run('jobs', 'retry', running);
  assert.equal(nothing.code, 1);
  assert.match(nothing.err, /code: {2}NOT_FOUND$/u);
  const wrong = await desk.run('jobs', 'retry', 'no-id');
  assert.equal(wrong.code, 2, wrong.err);
});

test('the dead live again by queue, kind, id or all; of two with one unique key, and beside a living one, none is doubled', async () => {
  await using desk = await openDesk();
  await desk.addJob('default', sql`failed_at = now(), unique_key = 'a'`);
  await desk.addJob('default', sql`failed_at = now(), unique_key = 'a'`);
  await desk.addJob('default', sql`failed_at = now(), unique_key = 'b'`);
  await desk.addJob('default', sql`unique_key = 'b'`);
  await desk.addJob('paper', sql`failed_at = now()`);
  assert.equal((await desk.run('jobs', 'redrive')).code, 2, 'it must be said which');
  assert.equal((await desk.run('jobs', 'redrive', '--queue', 'paper')).err, '1 dead job lives again.');
  assert.equal((await desk.run('jobs', 'redrive', '--all')).err, '1 dead job lives again.');
  assert.deepEqual(await desk.rows(sql`select unique_key, count(*) from ${jobs} where failed_at is null group by 1 order by 1`), [
    ['a', '1'],
    ['b', '1'],
    [null, '1'],
  ]);
});

test('a queue is paused and goes on, and a name that is none is refused', async () => {
  await using desk = await openDesk();
  assert.equal((await desk.run('jobs', 'pause', 'paper')).err, 'Nothing is taken from paper any more; what runs ends.');
  assert.equal((await desk.run('jobs', 'pause', 'paper')).code, 0, 'twice is as good as once');
  assert.match((await desk.run('jobs', 'queues')).out, /^paper +0 +0 +0 +0 +- +paused$/mu);
  assert.equal((await desk.run('jobs', 'resume', 'paper')).err, 'paper goes on.');
  assert.equal((await desk.run('jobs', 'resume', 'paper')).err, 'paper was not paused.');
  const refused = await desk.run('jobs', 'pause', 'papr');
  assert.equal(refused.code, 2);
  assert.match(refused.err, /There is no queue papr\.\nhint: {2}There are: default, paper\./u);
});

test('an app without workers or jobs says so', async () => {
  using sample = makeSample();
  await using desk = await openDesk();
  const environment = { DATABASE_URL: desk.postgres.url };
  for (const [argv, expected] of [
    [['workers'], /sample has no workers\./u],
    [['jobs', 'queues'], /sample has no jobs\./u],
  ] as const) {
    const refused = await sample.command(argv, environment);
    assert.equal(refused.code, 2);
    assert.match(refused.err, expected);
  }
});
