/** Resources under policies: what a caller sees and may not write is forbidden, what they do not see is not there. */
// LRP-15, FND-8
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { baseSettings } from '../config/base.ts';
import { defineSettings } from '../config/definition.ts';
import { defineApp } from '../http/app.ts';
import type { Guard } from '../http/guard.ts';
import { writeFirstRevision } from '../migrate/render.ts';
import { text, uuid, version } from '../schema/column.ts';
import { policy, setting } from '../schema/policy.ts';
import { sql } from '../schema/sql.ts';
import { table } from '../schema/table.ts';
import { testApp } from '../testing/app.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { resourceFactory } from './resource-factory.ts';

const role = setting('app.role', 'text');

const pages = table('pages', { id: uuid().primaryKey(), title: text(), version: version() }, () => [
  policy('editors_do_all', { using: sql`${role} = 'editor'` }),
  policy('readers_read', { for: 'select', using: sql`${role} = 'reader'` }),
]);

class Page extends entity(pages) {}
class PageRepository extends repository(Page) {}

const model = defineModel({ name: 'pagesapp', tables: [pages], repositories: { pages: PageRepository } });
const caller: Guard<string> = { name: 'caller', check: ({ request }) => String(request.headers['x-role']) };
const resource = resourceFactory<typeof model.repositories, object, string>();
const directory = mkdtempSync(path.join(tmpdir(), 'keelson-pages-'));
const migrationsDirectory = path.join(directory, 'migrations');

const app = defineApp({
  name: 'pagesapp',
  version: '1.0.0',
  model,
  settings: defineSettings(baseSettings),
  migrationsDirectory,
  services: () => ({}),
  session: ({ principal }) => ({ 'app.role': String(principal) }),
  routes: resource('pages', { table: pages, entity: Page, noun: 'page', guard: caller, create: ['title'], change: ['title'] }),
});

before(() => writeFirstRevision(migrationsDirectory, { tables: model.tables, namespace: model.namespace, name: 'initial' }));
after(() => rmSync(directory, { recursive: true }));

function parseId(body: string): string {
  return (JSON.parse(body) as { readonly id: string }).id;
}

test('a reader sees and may not write, a stranger neither, also where no guard says so', async () => {
  await using running = await testApp(app);
  const ask = async (as: string, method: 'DELETE' | 'GET' | 'PATCH' | 'POST', url: string, more: Readonly<Record<string, string>> = {}) => {
    const payload = method === 'PATCH' || method === 'POST' ? { title: `${method} by ${as}` } : undefined;
    const answer = await running.inject({
      method,
      url: `/api/v1/pages${url}`,
      headers: { 'x-role': as, ...more },
      ...(payload && { payload }),
    });
    return { status: answer.statusCode, text: answer.body };
  };
  const made = await ask('editor', 'POST', '');
  assert.equal(made.status, 201, made.text);
  const url = `/${parseId(made.text)}`;
  assert.equal((await ask('reader', 'GET', url)).status, 200);
  for (const condition of [{}, { 'if-match': '"1"' }] as const) {
    assert.equal((await ask('reader', 'PATCH', url, condition)).status, 403);
    assert.equal((await ask('reader', 'DELETE', url, condition)).status, 403);
    assert.equal((await ask('stranger', 'PATCH', url, condition)).status, 404);
    assert.equal((await ask('stranger', 'DELETE', url, condition)).status, 404);
  }
  assert.equal((await ask('reader', 'POST', '')).status, 403);
  assert.equal((await ask('stranger', 'GET', url)).status, 404);
  assert.deepEqual(JSON.parse((await ask('stranger', 'GET', '?total=true')).text), { items: [], total: 0, page: 1, size: 20 });
  assert.equal((await ask('reader', 'GET', url)).text, made.text);
  assert.equal((await ask('editor', 'PATCH', url, { 'if-match': '"1"' })).status, 200);
  assert.equal((await ask('editor', 'DELETE', url, { 'if-match': '"1"' })).status, 412);
  assert.equal((await ask('editor', 'DELETE', url, { 'if-match': '"2"' })).status, 204);
});
