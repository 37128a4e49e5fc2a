/** GLISK behind PgBouncer in transaction mode: two servers work, no session is theirs, and every token goes its whole way once. */
// FND-8, GLK-14
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startApp } from 'keelson/http';
import { silentLog } from 'keelson/log';
import { findPooler, startTestPooler, testDatabase } from 'keelson/testing';
import { glisk } from './app.ts';
import { delivery, mintLog, promptLog, sign } from './mints/deliveries.fixture.ts';
import { author, prompt, until } from './pipeline.fixture.ts';

const SECRET = 'whsec_of_the_tests_a1b2c3d4e5f6';
const TOKENS = 40;

test(
  'tokens that the webhook brings are revealed by two servers over a pooler of four connections',
  { skip: findPooler() === undefined ? 'PgBouncer is not installed' : false },
  async () => {
    await using steps = new AsyncDisposableStack();
    const direct = steps.use(await testDatabase(glisk, { isolation: 'database', poolSize: 1 }));
    const pooler = steps.use(await startTestPooler({ url: direct.postgres.url, poolSize: 4 }));
    const directory = mkdtempSync(path.join(tmpdir(), 'keelson-glisk-'));
    steps.defer(() => rmSync(directory, { recursive: true, force: true }));
    const start = async () => {
      const running = await startApp(glisk, {
        directory,
        log: silentLog,
        port: 0,
        environment: {
          APP_ENV: 'test',
          SECRET_KEY: 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx',
          DATABASE_URL: pooler.url,
          DATABASE_POOLER: 'transaction',
          MIGRATE_ON_START: 'check',
          WORKERS_IN_SERVER: 'on',
          WORKER_POLL_MS: '50',
          ALCHEMY_WEBHOOK_SECRET: SECRET,
        },
      });
      steps.defer(() => running.stop());
      return running;
    };
    const [one, other] = [await start(), await start()];
    const payload = delivery([promptLog(author, prompt), mintLog({ first: 1, quantity: TOKENS, author })], { number: 101 });
    const headers = { 'content-type': 'application/json', 'x-alchemy-signature': sign(payload, SECRET) };
    const answer = await fetch(`${one.url}/webhooks/alchemy`, { method: 'POST', body: payload, headers });
    assert.equal(answer.status, 200, await answer.text());
    const revealed = (): Promise<number> => direct.read(({ tokens }) => tokens.count({ status: 'revealed' }));
    const all = async (): Promise<boolean> => (await revealed()) === TOKENS;
    await Promise.race([until(one.database, all), until(other.database, all)]);
    const rows = await direct.read(async ({ tokens, imageJobs, ipfsRecords }) => ({
      tokens: await tokens.list({}, { limit: 1_000 }),
      drawn: await imageJobs.count({ status: 'completed' }),
      uploads: await ipfsRecords.count(),
    }));
    assert.deepEqual([rows.tokens.length, rows.drawn, rows.uploads], [TOKENS, TOKENS, 2 * TOKENS]);
  },
);
