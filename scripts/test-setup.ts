/** What all tests of a run share: one PostgreSQL, handed to each file's process by the environment; and UTC. */
import { startTestServer, TEST_SERVER_VARIABLE, type TestServer } from '../packages/keelson/src/testing/server.ts';

let server: TestServer | undefined;

/** Starts the server, unless DATABASE_URL names one to run on. */
export async function globalSetup(): Promise<void> {
  process.env['TZ'] = 'UTC';
  if ((process.env['DATABASE_URL'] ?? '') !== '') return;
  server = await startTestServer();
  process.env[TEST_SERVER_VARIABLE] = server.url;
}

/** Stops it, and throws its data away. */
export async function globalTeardown(): Promise<void> {
  await server?.stop();
}
