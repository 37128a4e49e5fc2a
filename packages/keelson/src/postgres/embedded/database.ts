/** Makes sure that the server answers to the password and has the database that is asked for. */
import { Client } from 'pg';
import { quoteName } from '../../schema/sql.ts';
import { superuser } from './cluster.ts';
import { codeOf } from './failure.ts';

/** Where a server is to be reached. */
export interface Address {
  readonly port: number;
  readonly password: string;
}

const connectMaxMs = 10_000;

/** The URL of a database. */
export function urlOf(address: Address, database: string): string {
  return `postgresql://${superuser}:${encodeURIComponent(address.password)}@127.0.0.1:${address.port}/${encodeURIComponent(database)}`;
}

/** Connects to the database once, making it first if it is missing. */
export async function ensureDatabase(address: Address, database: string): Promise<void> {
  try {
    await runOn(address, database, 'select 1');
  } catch (error) {
    if (codeOf(error) !== '3D000') throw error;
    await runOn(address, 'postgres', `create database ${quoteName(database)}`).catch((problem: unknown) => {
      // Somebody else made it in between.
      if (codeOf(problem) !== '42P04' && codeOf(problem) !== '23505') throw problem;
    });
  }
}

async function runOn(address: Address, database: string, command: string): Promise<void> {
  const client = new Client({
    host: '127.0.0.1',
    port: address.port,
    user: superuser,
    password: address.password,
    database,
    ssl: false,
    connectionTimeoutMillis: connectMaxMs,
  });
  // A server that is stopped at this moment says so between two statements too: unheard, that would end this process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(command);
  } finally {
    await client.end();
  }
}
