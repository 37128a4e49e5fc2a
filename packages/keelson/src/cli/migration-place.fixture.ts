/** A sample app with revisions and an empty database of its own, for tests of the commands of `migrate`. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { EnvironmentVariables } from '../config/environment.ts';
import { uuid } from '../schema/column.ts';
import { renderSchema } from '../schema/ddl.ts';
import { table } from '../schema/table.ts';
import type { Input } from './input.ts';
import { type Ended, makeDatabase, makeSample, type Sample } from './sample.fixture.ts';

/** The app, its database, and what is run on them. */
export interface Place extends AsyncDisposable {
  readonly sample: Sample;
  /** Of the database. */
  readonly url: string;
  /** A file in the migrations folder. */
  file(name: string): string;
  /** The revisions that were not there at first. */
  written(): readonly string[];
  /** Runs a command of `migrate` in this process. */
  migrate(...argv: readonly string[]): Promise<Ended>;
  /** The same with other settings, or with somebody at a terminal. */
  migrateWith(given: { readonly input?: Input; readonly environment?: EnvironmentVariables }, ...argv: readonly string[]): Promise<Ended>;
  /** Runs SQL, whose rows come as CSV. */
  sql(text: string): Promise<Ended>;
}

/** Makes the app with these revisions; what is made goes away at the end. */
export async function makePlace(files: Readonly<Record<string, string>>): Promise<Place> {
  const sample = makeSample(files);
  const database = await makeDatabase();
  const base = { DATABASE_URL: database.url };
  const folder = path.join(sample.folder, 'migrations');
  return {
    sample,
    url: database.url,
    file: (name) => path.join(folder, name),
    written: () => readdirSync(folder).filter((name) => !(name in files) && name !== 'revisions.lock'),
    migrate: (...argv) => sample.command(['migrate', ...argv], base),
    migrateWith: ({ input, environment = {} }, ...argv) => sample.command(['migrate', ...argv], { ...base, ...environment }, input),
    sql: (text) => sample.command(['db', 'sql', '--csv', text], base),
    [Symbol.asyncDispose]: async () => {
      sample[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** What makes `uuidv7()` on a server that has none, and what takes it away again. */
const uuidFallback = {
  up: renderSchema([table('keys', { id: uuid().primaryKey() })], 'sample').up.find((statement) => statement.startsWith('do ')) ?? '',
  down: 'drop function if exists sample.uuidv7();',
} as const;

/** The tables of the sample are `notes (id, title)`; this revision makes them with other columns beside the key. */
export function notesWith(columns: string): Readonly<Record<string, string>> {
  const made = `create table notes (id uuid default uuidv7() not null constraint notes_pkey primary key${columns});`;
  const down = `drop table notes;\n${uuidFallback.down}`;
  return { '20260101T0900_made.sql': `-- up\n${uuidFallback.up}\n${made}\n\n-- down\n${down}\n` };
}

/** A list in an object that was printed as JSON. */
export function listIn(text: string, name: string): readonly unknown[] {
  const object: unknown = JSON.parse(text);
  assert.ok(typeof object === 'object' && object !== null);
  const list: unknown = Object.entries(object).find(([key]) => key === name)?.[1];
  assert.ok(Array.isArray(list), text);
  return list;
}
