/** The accounts application, built, serves calls and docs without anything that is installed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { after, test } from 'node:test';
import { accounts } from '../../apps/accounts/app.ts';
import { sql } from '../../packages/keelson/src/schema/sql.ts';
import { testDatabase } from '../../packages/keelson/src/testing/database.ts';
import { bundle } from './bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'accounts-'));
after(() => rmSync(folder, { recursive: true }));

/** A revision in TypeScript is imported as it lies beside the bundle. */
const revision = `import type { RevisionSql } from 'keelson/migrate';
export async function up(sql: RevisionSql): Promise<void> {
  await sql\`create table built (id integer primary key)\`;
}
export async function down(sql: RevisionSql): Promise<void> {
  await sql\`drop table built\`;
}
`;

test('the built application migrates, registers a user, shows its docs and ends when it is told to', async () => {
  const { file } = await bundle({ entry: path.join(root, 'apps/accounts/app.ts'), folder: path.join(folder, 'dist') });
  writeFileSync(path.join(folder, 'dist/migrations/20990101T0000_built.ts'), revision);
  await using database = await testDatabase(accounts, { isolation: 'database' });
  const env = { PATH: process.env['PATH'], DATABASE_URL: database.postgres.url, PORT: '0', APP_ENV: 'development' };
  const child = spawn(process.execPath, [file, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const url = await listening(createInterface(child.stdout));
    const registered = await fetch(`${url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'built@example.org', password: 'a long enough password' }),
    });
    assert.equal(registered.status, 201);
    assert.deepEqual(await database.read(({ sql: run }) => run(sql`select id from accounts.built`)), []);
    for (const page of ['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/openapi.json', '/health/ready']) {
      assert.equal((await fetch(url + page)).status, 200, page);
    }
  } finally {
    child.kill('SIGTERM');
  }
  assert.equal(await ended, 0);
});

/** The address that the log tells once the application listens. */
async function listening(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const url = /"event":"server\.listening".*?"url":"([^"]+)"/u.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return assert.fail('The application ended before it listened.');
}
