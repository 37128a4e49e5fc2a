/** The public face of `keelson/testing`. */
export { testApp } from './app.ts';
export type { TestApp, TestAppOptions } from './app.ts';
export { testDatabase } from './database.ts';
export type { TestDatabase, TestDatabaseOptions } from './database.ts';
export { findPooler, startTestPooler } from './pooler.ts';
export type { TestPooler, TestPoolerOptions } from './pooler.ts';
export { startTestServer, TEST_SERVER_VARIABLE, testServer } from './server.ts';
export type { TestServer } from './server.ts';
export type { TestSource } from './template.ts';
