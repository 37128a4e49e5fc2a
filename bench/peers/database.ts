/** Makes and fills the databases of the benchmarks, and looks at what a contender has written. */
import pg from 'pg';
import { answerCalls } from '../calls.ts';

interface Recreate {
  readonly serverUrl: string;
  readonly database: string;
  readonly statements: readonly string[];
}

async function run(databaseUrl: string, statements: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'keelson bench' });
  await client.connect();
  let rows: unknown[] = [];
  for (const statement of statements) ({ rows } = await client.query(statement));
  await client.end();
  return rows;
}

let holder: pg.Client | undefined;

answerCalls({
  // A session with a snapshot: nothing that dies meanwhile can be cleaned away.
  hold: async (argument) => {
    holder = new pg.Client({ connectionString: argument as string, application_name: 'keelson bench holder' });
    await holder.connect();
    await holder.query('begin isolation level repeatable read');
    await holder.query('select count(*) from pg_class');
  },
  release: async () => {
    await holder?.end();
  },
  recreate: async (argument) => {
    const { serverUrl, database, statements } = argument as Recreate;
    await run(serverUrl, [`drop database if exists "${database}" with (force)`, `create database "${database}"`]);
    const url = new URL(serverUrl);
    url.pathname = `/${database}`;
    await run(url.href, statements);
    return url.href;
  },
  drop: async (argument) => {
    const { serverUrl, database } = argument as Recreate;
    await run(serverUrl, [`drop database if exists "${database}" with (force)`]);
  },
  query: (argument) => {
    const { url, statement } = argument as { url: string; statement: string };
    return run(url, [statement]);
  },
});
