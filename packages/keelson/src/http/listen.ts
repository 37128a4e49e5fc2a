/** Listening: refuses a port that is taken by saying by whom, and notes where the app runs. */
import type { FastifyInstance } from 'fastify';
import type { Log } from '../log.ts';
import { describeTaken, isTaken, type Place, removeRecord, urlOf, writeRecord } from './running-record.ts';
import type { Steps } from './steps.ts';

/** An app and where it listens. */
export interface ListeningPlace extends Place {
  readonly version: string;
}

/**
 * Says who listens already, before anything is started for nothing.
 *
 * @throws PORT_TAKEN
 */
export async function refuseTaken(place: Place): Promise<void> {
  if (place.port !== 0 && (await isTaken(place.host, place.port))) throw await describeTaken(place);
}

/**
 * Listens, and gives the URL.
 *
 * @throws PORT_TAKEN
 */
export async function listen(server: FastifyInstance, place: ListeningPlace, { log, steps }: { log: Log; steps: Steps }): Promise<string> {
  const { directory, name, version, host } = place;
  try {
    await server.listen({ host, port: place.port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw await describeTaken(place);
    throw error;
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : place.port;
  const url = urlOf(host, port);
  const record = { name, version, url, pid: process.pid };
  await writeRecord(directory, record);
  steps.undoWith('record', () => removeRecord(directory, record));
  log.info('server.listening', { app: name, version, url, docs: `${url}/docs`, health: `${url}/health`, pid: process.pid });
  return url;
}
