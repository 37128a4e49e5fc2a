/** Eight processes of one app that start at once and bring its database up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../postgres/connection.ts';
import { makeDatabase, makeSample, urlsOf } from './sample.fixture.ts';

const REPLICAS = 8;

const revisions = {
  '20260101T0900_initial.sql': '-- up\ncreate table notes (id uuid primary key, title text);\n-- down\ndrop table notes;\n',
  '20260102T0900_fill.sql':
    '-- up\ninsert into notes select gen_random_uuid(), n::text from generate_series(1, 2000) as n;\n-- commit\n' +
    'update notes set title = title || title;\n-- down\nselect 1;\n-- commit\nselect 1;\n',
  '20260103T0900_index.sql':
    '-- transaction: off\n-- up\ncreate index concurrently if not exists notes_title_idx on notes (title);\n' +
    '-- down\ndrop index concurrently if exists notes_title_idx;\n',
  '20260104T0900_later.sql': '-- up\nalter table notes add column later integer;\n-- down\nalter table notes drop column later;\n',
};

// FND-5 INF-4
test('eight replicas that start at once apply each revision once, an index built concurrently among them, and all of them serve', async () => {
  using sample = makeSample(revisions);
  await using database = await makeDatabase();
  const environment = { DATABASE_URL: database.url, PORT: '0', MIGRATE_ON_START: 'apply', DATABASE_POOL_SIZE: '2' };
  const started = Array.from({ length: REPLICAS }, () => sample.start(['serve'], environment));
  for (const each of started) {
    const { health } = await urlsOf(each);
    const answer = await fetch(`${health}/db`);
    const { migration_status: standing } = parseHealth(await answer.text());
    assert.equal(standing, 'up_to_date');
  }
  const connection = await Connection.open({ connectionString: database.url });
  const { rows } = await connection.command('select id, direction, part from sample.keelson_migrations order by seq');
  assert.deepEqual(rows, [
    ['20260101T0900', 'up', '1'],
    ['20260102T0900', 'up', '1'],
    ['20260102T0900', 'up', '2'],
    ['20260103T0900', 'up', '1'],
    ['20260104T0900', 'up', '1'],
  ]);
  const found = await connection.command(`
    select count(*), count(*) filter (where title = '11'), (select indisvalid from pg_index where indexrelid = 'sample.notes_title_idx'::regclass)
    from sample.notes`);
  assert.deepEqual(found.rows, [['2000', '1', 't']]);
  await connection.close();
  for (const { child } of started) child.kill('SIGTERM');
  const ended = await Promise.all(started.map((each) => each.ended));
  const words = ended.map(({ code, err }) => [code, /MIGRAT\w+_(?:FAILED|INVALID|LOCKED)/u.exec(err)?.[0]]);
  assert.deepEqual(
    words,
    ended.map(() => [0, undefined]),
  );
});

function parseHealth(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
