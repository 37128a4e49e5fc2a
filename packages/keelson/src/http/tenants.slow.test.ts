/** Tenants on the embedded server: its user is a superuser, so the app's connections take on a role that policies bind. */
// FND-8
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../log.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { sql } from '../schema/sql.ts';
import { tenantModel } from '../work/tenants.fixture.ts';
import { startApp } from './start.ts';
import { tenantsApp } from './tenants.fixture.ts';

test('without DATABASE_URL tenants are kept apart, in the pool and on the shared connections, also after a second start', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'keelson-tenants-'));
  const migrations = path.join(directory, 'migrations');
  await writeFirstRevision(migrations, { tables: tenantModel.tables, namespace: tenantModel.namespace, name: 'initial' });
  for (let round = 0; round < 2; round += 1) {
    const running = await startApp(tenantsApp(migrations), { directory, log: silentLog, port: 0, environment: { APP_ENV: 'test' } });
    const papers = `${running.url}/api/v1/papers`;
    const added = await fetch(papers, {
      method: 'POST',
      headers: { authorization: 'Bearer anna', 'content-type': 'application/json' },
      body: JSON.stringify({ title: `round ${round}` }),
    });
    assert.equal(added.status, 201);
    const seen = async (name: string): Promise<string> => (await fetch(papers, { headers: { authorization: `Bearer ${name}` } })).text();
    assert.equal(await seen('anna'), round === 0 ? '{"titles":["round 0"]}' : '{"titles":["round 0","round 1"]}');
    assert.equal(await seen('bert'), '{"titles":[]}');
    const who = sql`select current_user as "user"`;
    assert.deepEqual(await running.database.read((reader) => reader.sql(who)), [{ user: 'tenants_user' }]);
    assert.deepEqual(await running.database.work(({ sql: run }) => run(who)), [{ user: 'tenants_user' }]);
    assert.equal((await fetch(`${running.url}/health/ready`)).status, 200);
    await running.stop();
  }
  rmSync(directory, { recursive: true });
});
