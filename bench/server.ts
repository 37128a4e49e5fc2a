/** The PostgreSQL that a benchmark runs on, and a database of its own in it. */
import { join } from 'node:path';
import { startEmbedded } from 'keelson/postgres';
import { Callee, parseNothing } from './calls.ts';

/** A database made for one benchmark. */
export interface BenchDatabase {
  readonly url: string;
  query(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/** Where to run: an embedded server of the benchmark's own unless a URL says otherwise. */
export interface ServerChoice {
  /** A superuser's URL of any PostgreSQL; a database is made in it and dropped at the end. */
  readonly databaseUrl?: string | undefined;
}

/** Makes a fresh database, named after the benchmark and this process, and fills it by the given statements. */
export async function openDatabase(choice: ServerChoice, benchmark: string, statements: readonly string[]): Promise<BenchDatabase> {
  const database = `keelson_bench_${benchmark}_${process.pid}`;
  const server = await openServer(choice);
  const clerk = await Callee.start('database', join(import.meta.dirname, 'peers', 'database.ts'));
  const close = async (): Promise<void> => {
    await clerk.call('drop', { serverUrl: server.url, database }, parseNothing);
    await clerk.stop();
    await server.stop();
  };
  try {
    const url = await clerk.call('recreate', { serverUrl: server.url, database, statements }, parseText);
    return { url, query: (statement) => clerk.call('query', { url, statement }, parseRows), close };
  } catch (error) {
    // Else the clerk would keep the run alive for ever.
    await close();
    throw error;
  }
}

async function openServer(choice: ServerChoice): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (choice.databaseUrl !== undefined) return { url: choice.databaseUrl, stop: async () => {} };
  const dataDirectory = join(import.meta.dirname, '..', '.keelson', 'bench');
  const server = await startEmbedded({ dataDirectory, database: 'bench', settings: { shared_buffers: '256MB' } });
  if (!server.adopted) return server;
  throw new Error('Another benchmark is running, and two at once would measure each other. Wait until it is done, or end it.');
}

function parseText(result: unknown): string {
  return result as string;
}

function parseRows(result: unknown): readonly Readonly<Record<string, unknown>>[] {
  return result as readonly Readonly<Record<string, unknown>>[];
}
