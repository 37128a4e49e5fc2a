/** Tenants over HTTP: calls see what is their tenant's, and an app whose role policies do not bind does not start. */
// FND-8, LRP-8
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isKeelsonError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { testApp } from '../testing/app.ts';
import { testServer } from '../testing/server.ts';
import { cloneDatabase } from '../testing/template.ts';
import { tenantB, tenantModel } from '../work/tenants.fixture.ts';
import { startApp } from './start.ts';
import { tenantsApp } from './tenants.fixture.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'keelson-tenants-'));
const migrations = path.join(directory, 'migrations');
const app = tenantsApp(migrations);

before(() => writeFirstRevision(migrations, { tables: tenantModel.tables, namespace: tenantModel.namespace, name: 'initial' }));
after(() => rmSync(directory, { recursive: true }));

test('each call sees and adds what is its tenant’s, and a foreign tenant in the body is forbidden', async () => {
  await using running = await testApp(app);
  const ask = (name: string, body?: object) =>
    running.inject({
      method: body === undefined ? 'GET' : 'POST',
      url: '/api/v1/papers',
      headers: { authorization: `Bearer ${name}` },
      ...(body === undefined ? {} : { payload: body }),
    });
  assert.equal((await ask('anna', { title: 'of anna' })).statusCode, 201);
  assert.equal((await ask('bert', { title: 'of bert' })).statusCode, 201);
  const planted = await ask('anna', { title: 'planted', tenant_id: tenantB });
  assert.equal(planted.statusCode, 403);
  assert.equal(planted.json<{ error: string }>().error, 'FORBIDDEN');
  assert.doesNotMatch(planted.body, /policy|papers_|row-level/u);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index % 2 === 0 ? 'anna' : 'bert')));
  for (const [index, answer] of answers.entries()) assert.deepEqual(answer.json(), { titles: [index % 2 === 0 ? 'of anna' : 'of bert'] });
  assert.equal((await ask('nobody')).statusCode, 401);
});

test('a start as a superuser is refused, as a role that is bound it succeeds', async () => {
  const clone = await cloneDatabase(await testServer(), app);
  const start = (url: string) =>
    startApp(app, {
      directory,
      log: silentLog,
      port: 0,
      environment: { APP_ENV: 'test', DATABASE_URL: url, DIRECT_DATABASE_URL: clone.ownerUrl, DATABASE_CONNECT_RETRY_MS: '0' },
    });
  await assert.rejects(start(clone.ownerUrl), (error) => isKeelsonError(error, 'ROW_SECURITY_UNSAFE'));
  const running = await start(clone.url);
  assert.equal((await fetch(`${running.url}/health/ready`)).status, 200);
  await running.stop();
  await clone.drop();
});
