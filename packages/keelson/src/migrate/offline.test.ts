/** Migrations as text, run by hand on a real PostgreSQL: they do what the migrator does, and refuse to run out of turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { sqlState } from '../postgres/sqlstate.ts';
import { databaseError } from './failure.ts';
import { lockKey } from './lock.ts';
import { parseRevision } from './revision.ts';
import { Migrator } from './runner.ts';
import { cut } from './statements.ts';
import { useScratch } from './trial.fixture.ts';

const { scratch, connection } = await useScratch();

const revisions = [
  parseRevision(
    '20260101T0000_hats.sql',
    "-- up\ncreate type mood as enum ('a');\ncreate table hats (id int, m mood) -- no end\n-- down\ndrop table hats;\ndrop type mood",
  ),
  parseRevision(
    '20260102T0000_mood.sql',
    "-- up\nalter type mood add value 'b';\n-- commit\nalter table hats alter m set default 'b';\n-- down\nalter table hats alter m drop default;",
  ),
  parseRevision(
    '20260103T0000_index.sql',
    '-- transaction: off\n-- up\ncreate index concurrently hats_m on hats (m);\nselect 1;\n-- down\ndrop index concurrently hats_m;',
  ),
];
const fixed = parseRevision('20260104T0000_fixed.sql', '-- irreversible: the moods are gone\n-- up\nalter table hats drop m;');

/** Runs a text as a person would: statement by statement, until one fails. */
async function runByHand(text: string): Promise<void> {
  const { statements } = cut(text);
  try {
    for (const statement of statements) await connection.command(statement.text);
  } finally {
    if (connection.transactionStatus !== 'I') await connection.command('rollback');
  }
}

async function refused(text: string): Promise<string> {
  try {
    await runByHand(text);
  } catch (error) {
    assert.equal(sqlState(error), 'P0001', String(error));
    return databaseError(error)?.message ?? '';
  }
  return assert.fail('the text ran');
}

test('the text does what up and down do, history included', async () => {
  // INF-4
  const namespace = scratch.namespace(`"by" 'hand' $keelson$`);
  const migrator = new Migrator({ connection, revisions, namespace });
  await runByHand(migrator.sql());
  assert.equal((await migrator.status()).state, 'up_to_date');
  const byHand = await migrator.history();
  assert.deepEqual(new Set(byHand.map((entry) => entry.durationMs)), new Set([null]));
  await runByHand(migrator.sql({ from: 'head', to: 'base' }));
  assert.deepEqual((await migrator.status()).applied, []);
  const before_ = (await migrator.history()).length;
  await migrator.up();
  const byMigrator = (await migrator.history()).slice(0, -before_);
  const plain = ({ id, slug, checksum, direction, part, parts }: (typeof byHand)[number]) => ({
    id,
    slug,
    checksum,
    direction,
    part,
    parts,
  });
  assert.deepEqual(byMigrator.map(plain), byHand.map(plain));
  await migrator.down({ to: 'base' });
});

test('a part of the way is told from one revision to another, and nothing when there is no way to go', () => {
  const migrator = new Migrator({ connection, revisions, namespace: 'app' });
  const one = migrator.sql({ from: '20260101T0000', to: '20260102T0000_mood' });
  assert.match(one, /-- 20260102T0000_mood: up, part 1 of 2\nbegin;\nset local search_path to "app", public;/);
  assert.doesNotMatch(one, /20260103T0000|20260101T0000_hats: up/);
  const back = migrator.sql({ from: '20260103T0000', to: '20260102T0000' });
  assert.match(back, /-- 20260103T0000_index: down\n-- Danger: .*\nset search_path/);
  assert.equal(cut(migrator.sql({ from: 'head' })).statements.length, 0);
  assert.throws(
    () => migrator.sql({ to: 'nope' }),
    (error) => isKeelsonError(error, 'USAGE'),
  );
});

test('a way over an irreversible revision is refused', () => {
  const migrator = new Migrator({ connection, revisions: [...revisions, fixed], namespace: 'app' });
  assert.throws(
    () => migrator.sql({ from: 'head', to: 'base' }),
    (error) => isKeelsonError(error, 'MIGRATION_INVALID') && /irreversible/.test(error.message),
  );
  assert.match(migrator.sql(), /alter table hats drop m;/);
});

test('a text that is run twice, from the wrong place, or beside a migrator stops before it does harm', async () => {
  const namespace = scratch.namespace();
  const migrator = new Migrator({ connection, revisions, namespace });
  await migrator.up({ to: '20260101T0000' });
  assert.match(await refused(migrator.sql({ from: 'base' })), /20260101T0000_hats cannot run now: the history does not say "down"/);
  assert.match(await refused(migrator.sql({ from: '20260102T0000' })), /20260102T0000_mood must be applied before 20260103T0000_index/);
  assert.match(
    await refused(migrator.sql({ from: 'head', to: '20260102T0000' })),
    /20260103T0000_index cannot run now: the history does not say "up"/,
  );
  const other = await scratch.connect();
  await other.command(`select pg_advisory_lock(${lockKey(namespace)})`);
  assert.match(await refused(migrator.sql({ from: '20260101T0000' })), /another process is migrating/);
  await other.close();
  assert.deepEqual((await migrator.status()).applied, ['20260101T0000']);
});
