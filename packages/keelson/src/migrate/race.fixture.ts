/** A process that migrates: connects, says so, waits for the word, applies what is pending, and says what it has run. */
import { once } from 'node:events';
import { Connection } from '../postgres/connection.ts';
import { readRevisions } from './folder.ts';
import { Migrator } from './runner.ts';

/** The file to start a process with; its arguments are the address of the database, the namespace and the folder. */
export const program: string = import.meta.filename;

async function migrate([url, namespace = '', directory = '']: readonly string[]): Promise<void> {
  const connection = await Connection.open({ connectionString: url });
  const revisions = await readRevisions(directory);
  process.stdout.write(`${connection.backendId}\n`);
  await once(process.stdin, 'data');
  const runs = await new Migrator({ connection, revisions, namespace, lockTimeoutMs: 60_000 }).up();
  process.stdout.write(`${JSON.stringify(runs.map((run) => run.id))}\n`);
  await connection.close();
  process.stdin.destroy();
}

if (import.meta.main) await migrate(process.argv.slice(2));
