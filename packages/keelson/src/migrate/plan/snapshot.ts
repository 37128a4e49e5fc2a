/** What is in a database, one text for each object: our own reading of the catalogs, by which plans are proved. */
import type { Connection } from '../../postgres/connection.ts';
import { codeQueries, databaseCodeQueries } from './catalog-code.ts';
import { databaseRightsQueries, rightsQueries } from './catalog-rights.ts';
import { tableQueries } from './catalog-tables.ts';
import { typeQueries } from './catalog-types.ts';

/** Objects by kind and name (`column larp_manager.games.name`), each with its definition in a canonical text; in order. */
export type Snapshot = ReadonlyMap<string, string>;

/** Which part of a database is read. */
export interface SnapshotOptions {
  /** Every one that is not the system's unless said otherwise. */
  readonly schemas?: readonly string[] | undefined;
}

/** The kind of the entries that hold the order of a table's columns; what is added and taken back may move to the end. */
export const COLUMN_ORDER = 'column order ';

/** Texts of the catalogs depend on these settings of who asks: with an empty path every name has its schema. */
const SETTINGS = `set local search_path to ''; set local timezone to 'UTC'; set local datestyle to 'ISO, YMD'; set local intervalstyle to postgres;
  set local bytea_output to hex; set local extra_float_digits to 1; set local quote_all_identifiers to off; set local jit to off; set local statement_timeout to 0`;

const SAVEPOINT = 'keelson_snapshot';

/**
 * Reads everything but the history of the migrations, values of sequences, owners and the versions of extensions.
 * Inside a transaction it reads what that one sees; what it sets for itself is taken back.
 */
export async function readSnapshot(connection: Connection, options: SnapshotOptions = {}): Promise<Snapshot> {
  const inside = connection.transactionStatus === 'T';
  const begin = inside ? `savepoint ${SAVEPOINT}` : 'begin isolation level repeatable read read only';
  const end = inside ? `rollback to savepoint ${SAVEPOINT}; release savepoint ${SAVEPOINT}` : 'rollback';
  const began = connection.command(`${begin}; ${SETTINGS}`);
  const read = readEntries(connection, options);
  try {
    await began;
    return new Map((await read).sort(byKey));
  } finally {
    await read.catch(ignore);
    if (!connection.broken) await connection.command(end);
  }
}

/** The same without the order of the columns. */
export function withoutColumnOrder(snapshot: Snapshot): Snapshot {
  return new Map([...snapshot].filter(([key]) => !key.startsWith(COLUMN_ORDER)));
}

/** What is not as expected, in sentences. */
export function differences(actual: Snapshot, expected: Snapshot): readonly string[] {
  const keys = [...new Set([...actual.keys(), ...expected.keys()])].sort();
  return keys.flatMap((key) => {
    const is = actual.get(key);
    const should = expected.get(key);
    if (is === should) return [];
    if (is === undefined) return [`${key} is missing: ${shorten(should ?? '')}`];
    if (should === undefined) return [`${key} should not be there: ${shorten(is)}`];
    const [left, right] = fromFirstDifference(is, should);
    return [`${key}: it is ${shorten(left)}, and should be ${shorten(right)}`];
  });
}

type Entry = readonly [key: string, text: string];

async function readEntries(connection: Connection, { schemas }: SnapshotOptions): Promise<Entry[]> {
  const namespaces = await connection.query({
    text: `
      select coalesce(array_agg(n.oid), '{}')::text
      from pg_namespace as n
      where case when $1::jsonb is null then n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' else $1::jsonb ? n.nspname end`,
    name: undefined,
    values: [schemas === undefined ? null : JSON.stringify(schemas)],
  });
  const scope = namespaces.rows[0]?.[0] ?? '{}';
  const isWhole = String(schemas === undefined);
  const asked = [
    ...[...tableQueries, ...typeQueries, ...codeQueries, ...rightsQueries].map((text) => ({ text, values: [scope] })),
    ...[...databaseCodeQueries, ...databaseRightsQueries].map((text) => ({ text, values: [scope, isWhole] })),
  ];
  // Asked all at once, and each whether or not one before it failed: the first failure is the one to report.
  const results = await Promise.all(asked.map(({ text, values }) => connection.query({ text, name: undefined, values })));
  return results.flatMap(({ rows }) => rows.map(([key, text]): Entry => [key ?? '', text ?? '']));
}

function byKey([left]: Entry, [right]: Entry): number {
  return left < right ? -1 : 1;
}

const SHOWN_MAX = 400;

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/gu, ' ').trim();
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line;
}

/** Of two long texts what stands from the first line on that differs; short ones whole. */
function fromFirstDifference(left: string, right: string): readonly [string, string] {
  if (left.length <= SHOWN_MAX && right.length <= SHOWN_MAX) return [left, right];
  const lefts = left.split('\n');
  const rights = right.split('\n');
  const place = lefts.findIndex((line, index) => line !== rights[index]);
  const first = place === -1 ? lefts.length : place;
  return [`… ${lefts.slice(first).join('\n')}`, `… ${rights.slice(first).join('\n')}`];
}

function ignore(): void {
  // Reported by the one who waits for the same promise.
}
