/** The proof on a real PostgreSQL: what it lets pass, what it refuses and in which words, and what it says of rows that are lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { parseRevision, type Revision } from '../revision.ts';
import { Migrator } from '../runner.ts';
import { failure, useShadows } from '../trial.fixture.ts';
import { type Proof, type ProofRequest, prove } from './prove.ts';
import type { Shadow } from './shadow.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';

/** Where targets are made, and not kept. */

const shadows = await useShadows();
const nothing = await (await shadows.create()).connect();

function revision(day: number, up: string, down: string | undefined): Revision {
  const head = down === undefined ? '-- irreversible: for the test\n' : '';
  const tail = down === undefined ? '' : `-- down\n${down}\n`;
  return parseRevision(`migrations/2026010${day}T0000_r${day}.sql`, `${head}-- up\n${up}\n${tail}`);
}

interface Case {
  /** What is there before. */
  readonly base: string;
  readonly up: string;
  readonly down: string | undefined;
  /** What leads from nothing to the target, where it is not `base` and then `up`. */
  readonly target?: string;
  readonly rows?: string;
  readonly more?: Partial<ProofRequest>;
}

/** Proves `up` and `down` after `base`, against a target that is made from nothing. */
async function proved({ base, up, down, target, rows, more }: Case): Promise<Proof> {
  const first = revision(1, base, 'select 1;');
  return prove({
    base: await baseOf(base),
    target: await targetOf(target ?? `${base} ${up}`),
    revisions: [first],
    proposed: [revision(2, up, down)],
    namespace: 'app',
    ...(rows === undefined ? {} : { rows: async (connection: Connection) => void (await connection.command(rows)) }),
    ...more,
  });
}

const bases = new Map<string, Promise<Shadow>>();

/** A base serves every test that begins with it: a proof leaves it as it is. */
async function baseOf(ddl: string): Promise<Shadow> {
  const known = bases.get(ddl) ?? makeBase(ddl);
  bases.set(ddl, known);
  return known;
}

async function makeBase(ddl: string): Promise<Shadow> {
  const shadow = await shadows.create();
  await new Migrator({ connection: await shadow.connect(), revisions: [revision(1, ddl, 'select 1;')], namespace: 'app' }).up();
  return shadow;
}

async function targetOf(ddl: string): Promise<Snapshot> {
  await nothing.command(`begin; create schema app; set local search_path to app, public; ${ddl}`);
  const target = await readSnapshot(nothing);
  await nothing.command('rollback');
  return target;
}

function refused(trial: Case): Promise<KeelsonError> {
  return failure(proved(trial), 'MIGRATION_NOT_PROVED');
}

const hats = 'create table app.hats (id int generated always as identity primary key, size int not null, colour text);';

test('a revision that keeps everything is proved, and nothing is lost', async () => {
  const up = 'alter table app.hats add label text default $$none$$; create index hats_size_idx on app.hats (size);';
  const { losses } = await proved({ base: hats, up, down: 'drop index app.hats_size_idx; alter table app.hats drop label;' });
  assert.deepEqual(losses, []);
});

test('a way down that does not restore what was there is refused, with the difference', async () => {
  const up = 'alter table app.hats add label text; alter table app.hats alter size set default 3;';
  const { message, hint } = await refused({ base: hats, up, down: 'alter table app.hats drop label;' });
  assert.match(
    message,
    /20260102T0000_r2 is not proved: after down: column app\.hats\.size: it is integer not null default 3, and should be integer not null\.$/,
  );
  assert.notEqual(hint, '');
});

test('a way up that misses the target is refused, with what is missing', async () => {
  const trial = { base: hats, up: 'select 1;', down: 'select 1;', target: `${hats} comment on table app.hats is 'for heads';` };
  const { message } = await refused(trial);
  assert.match(message, /after up: comment on table app\.hats is missing: 'for heads'/);
});

test('a statement that fails is named with its file, its line and what the server says', async () => {
  const { message } = await refused({ base: hats, up: 'select 1;\nalter table app.hats drop nothing;', down: 'select 1;', target: hats });
  assert.match(message, /up fails: migrations\/20260102T0000_r2\.sql:3: column "nothing" of relation "hats" does not exist/);
});

test('a column that no row can have is refused, and the safe way is said', async () => {
  const trial = { base: hats, up: 'alter table app.hats add weight int not null;', down: 'alter table app.hats drop weight;' };
  const { hint } = await refused(trial);
  assert.match(hint, /have no value for weight: give the column a default, or add it nullable, fill it/);
});

test('renaming a column and its table loses nothing', async () => {
  const up =
    'alter table app.hats rename colour to hue; alter table app.hats rename to caps; alter index app.hats_pkey rename to caps_pkey;';
  const down =
    'alter index app.caps_pkey rename to hats_pkey; alter table app.caps rename to hats; alter table app.hats rename hue to colour;';
  assert.deepEqual((await proved({ base: hats, up, down })).losses, []);
});

test('a column that is dropped and made again under a new name is said to be lost', async () => {
  const up = 'alter table app.hats drop colour; alter table app.hats add hue text;';
  const down = 'alter table app.hats drop hue; alter table app.hats add colour text;';
  assert.deepEqual((await proved({ base: hats, up, down })).losses, ['column app.hats.colour: its values are gone']);
});

test('a table that is dropped is said to be lost, with its rows', async () => {
  const trial = { base: hats, up: 'drop table app.hats;', down: hats, target: 'select 1;' };
  assert.deepEqual((await proved(trial)).losses, ['table app.hats: its rows are gone (3 in the trial)']);
});

test('a column or a table that is dropped and made anew under its name is refused, unless its values are carried over', async () => {
  const drop = 'alter table app.hats drop colour; alter table app.hats add colour text collate "C";';
  const down = 'alter table app.hats alter colour type text collate "default";';
  assert.match(
    (await refused({ base: hats, up: drop, down })).message,
    /column app\.hats\.colour: it is dropped and made anew, and its values are not carried over/,
  );
  assert.match(
    (await refused({ base: hats, up: `drop table app.hats; ${hats}`, down: 'select 1;', target: hats })).message,
    /table app\.hats: it had 3 rows, and has 0/,
  );
  const carried =
    'alter table app.hats add c text collate "C"; update app.hats set c = colour; alter table app.hats drop colour; alter table app.hats rename c to colour;';
  assert.deepEqual((await proved({ base: hats, up: carried, down })).losses, []);
});

test('values that change though their column does not are a fault, unless a person wrote the revision', async () => {
  const trial = { base: hats, up: 'update app.hats set size = size + 1;', down: 'update app.hats set size = size - 1;', target: hats };
  assert.match((await refused(trial)).message, /after up, with rows in the tables: column app\.hats\.size: its values have changed/);
  assert.deepEqual((await proved({ ...trial, more: { dataMayChange: true } })).losses, []);
});

test('two columns that change places are noticed though the catalogs look alike', async () => {
  const base = 'create table app.pairs (a int, b int);';
  const up =
    'alter table app.pairs add c int; update app.pairs set c = a; update app.pairs set a = b; update app.pairs set b = c; alter table app.pairs drop c;';
  const rows = 'insert into app.pairs values (1, 2), (2, 3), (3, 1);';
  const { message } = await refused({ base, up, down: 'select 1;', target: base, rows });
  assert.match(message, /table app\.pairs: values have moved from row to row/);
});

test('a change of type that rounds is a loss, one that only writes differently is not', async () => {
  const base = 'create table app.prices (id int primary key, price numeric, at timestamp, note json);';
  const up = 'alter table app.prices alter price type int, alter at type timestamptz, alter note type jsonb;';
  const down = 'alter table app.prices alter price type numeric, alter at type timestamp, alter note type json;';
  const rows = `insert into app.prices values (1, 3.7, '2026-01-01 10:00', '{"a": 1,"b":2}'), (2, 4.0, null, null);`;
  const { losses } = await proved({ base, up, down, rows });
  assert.deepEqual(losses, ['column app.prices.price: values read differently as integer than as numeric: "3.7" became "4"']);
});

test('texts that are cut and numbers that are rounded are lost, also where nobody says which rows there are', async () => {
  const base =
    'create table app.notes (id int primary key, body text not null, price numeric(10,2), weight numeric(5,1), seen timestamptz);';
  const up =
    'alter table app.notes alter body type varchar(5) using body::varchar(5), alter price type int, alter weight type numeric(5,0), alter seen type date;';
  const down =
    'alter table app.notes alter body type text, alter price type numeric(10,2), alter weight type numeric(5,1), alter seen type timestamptz;';
  const { losses } = await proved({ base, up, down });
  assert.deepEqual(
    losses.map((loss) => loss.replace(/ than as .*/, '')),
    [
      'body: values read differently as character varying(5)',
      'price: values read differently as integer',
      'weight: values read differently as numeric(5,0)',
      'seen: values read differently as date',
    ].map((loss) => `column app.notes.${loss}`),
  );
});

test('a change of type that no value survives is refused, and it is said to write it by hand', async () => {
  const base = 'create table app.notes (id int primary key, tags text not null);';
  const trial = {
    base,
    up: 'alter table app.notes alter tags type text[] using tags::text[];',
    down: 'alter table app.notes alter tags type text using tags::text;',
  };
  const { message, hint } = await refused(trial);
  assert.match(message, /up fails: .*malformed array literal/);
  assert.match(hint, /write the `using` of the change by hand/);
});

test('a composite type that gets an attribute keeps the others, and a partition that goes takes only its own rows', async () => {
  const base = `create type app.dot as (x int, y int); create table app.dots (at app.dot, ats app.dot[]);
    create table app.logs (kind text not null) partition by list (kind);
    create table app.logs_a partition of app.logs for values in ('a'); create table app.logs_b partition of app.logs for values in ('b');`;
  const rows = `insert into app.dots values ((1, 2), array[(3, 4)::app.dot]); insert into app.logs values ('a'), ('b'), ('b');`;
  const up = 'alter type app.dot add attribute z int; drop table app.logs_b;';
  const down = `alter type app.dot drop attribute z; create table app.logs_b partition of app.logs for values in ('b');`;
  assert.deepEqual((await proved({ base, up, down, rows })).losses, ['table app.logs_b: its rows are gone (2 in the trial)']);
});

test('values of an enum that are renamed survive, alone and in arrays', async () => {
  const base = `create type app.mood as enum ('glad', 'sad', 'so so'); create table app.days (mood app.mood, moods app.mood[]);`;
  const up = `alter type app.mood rename value 'so so' to 'fine'; alter type app.mood rename value 'sad' to 'not glad';`;
  const down = `alter type app.mood rename value 'fine' to 'so so'; alter type app.mood rename value 'not glad' to 'sad';`;
  const rows = `insert into app.days values ('so so', '{so so,sad}'), ('glad', '{}'), (null, '{glad,null}');`;
  assert.deepEqual((await proved({ base, up, down, rows })).losses, []);
});

test('a serial column that becomes an identity must have its counter set', async () => {
  const base = 'create table app.hats (id serial primary key, size int);';
  const up =
    'alter table app.hats alter id drop default; drop sequence app.hats_id_seq; alter table app.hats alter id add generated by default as identity;';
  const down =
    'alter table app.hats alter id drop identity; create sequence app.hats_id_seq as int owned by app.hats.id; ' +
    "alter table app.hats alter id set default nextval('app.hats_id_seq'); select setval('app.hats_id_seq', max(id)) from app.hats;";
  const { message } = await refused({ base, up, down });
  assert.match(message, /column app\.hats\.id: its counter gives 1 next, which is in the table already; set it with setval\(\)/);
  const set = "select setval(pg_get_serial_sequence('app.hats', 'id'), coalesce(max(id), 1), max(id) is not null) from app.hats;";
  assert.deepEqual((await proved({ base, up: `${up} ${set}`, down })).losses, []);
});

test('a revision that cannot be taken back is proved upwards', async () => {
  assert.deepEqual((await proved({ base: hats, up: 'alter table app.hats add label text;', down: undefined })).losses, []);
});

test('a text that becomes a date, an enum or a checked value is proved with rows that fit both', async () => {
  const base = `create type app.kind as enum ('felt', 'straw');
    create table app.hats (id int primary key, made text not null, kind text not null default 'felt', size int not null, maker int not null); create table app.makers (id int primary key);`;
  const up = `alter table app.hats alter made type date using made::date; alter table app.hats alter kind drop default;
    alter table app.hats alter kind type app.kind using kind::app.kind; alter table app.hats add constraint hats_size_check check (size > 40);
    alter table app.hats add constraint hats_maker_fkey foreign key (maker) references app.makers (id);`;
  const down = `alter table app.hats drop constraint hats_maker_fkey; alter table app.hats drop constraint hats_size_check;
    alter table app.hats alter kind type text using kind::text; alter table app.hats alter kind set default 'felt'; alter table app.hats alter made type text;`;
  assert.deepEqual((await proved({ base, up, down })).losses, []);
});

test('a value of an enum that goes is proved on rows that do not hold it, though a guard refuses those that do', async () => {
  const base = `create type app.mood as enum ('sad', 'glad'); create table app.days (id int primary key, mood app.mood not null);`;
  const rebuild = (labels: string): string =>
    `alter type app.mood rename to mood_old; create type app.mood as enum (${labels});
     alter table app.days alter mood type app.mood using mood::text::app.mood; drop type app.mood_old;`;
  const guard = `do $$ begin if exists (select from app.days where mood = 'sad') then raise exception '1 row of app.days holds sad'; end if; end $$;`;
  const trial = { base, up: `${guard} ${rebuild("'glad'")}`, down: rebuild("'sad', 'glad'") };
  assert.deepEqual((await proved(trial)).losses, []);
  const given = await refused({ ...trial, rows: "insert into app.days values (1, 'sad');" });
  assert.match(given.message, /1 row of app\.days holds sad/);
});

test('where no made-up row fits, it is proved without rows in that table, and says so', async () => {
  const base = `${hats} create table app.notes (id int primary key, body text not null);`;
  const up = `alter table app.notes add constraint notes_body_check check (md5(body) = 'x');`;
  const { losses } = await proved({ base, up, down: 'alter table app.notes drop constraint notes_body_check;' });
  assert.equal(losses.length, 1);
  assert.match(
    losses[0] ?? '',
    /^table app\.notes: the proof ran without rows in it: check constraint "notes_body_check" .* is violated by some row$/,
  );
});

test('the base is never changed', async () => {
  const base = await baseOf(hats);
  const first = await base.connect();
  const untouched = await readSnapshot(first);
  assert.notEqual(untouched.get('table app.hats'), undefined);
  await refused({ base: hats, up: 'alter table app.hats add label text;', down: 'alter table app.hats drop label;', target: hats });
  const connection = await base.connect();
  assert.deepEqual(await readSnapshot(connection), untouched);
  assert.deepEqual((await connection.command('select count(*) from app.hats')).rows, [['0']]);
});
