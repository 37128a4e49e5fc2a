/** The page of the documents in a real browser, under its strict policy: it shows the calls, and its Authorize button logs in. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { startApp } from 'keelson/http';
import { silentLog } from 'keelson/log';
import { testDatabase } from 'keelson/testing';
import { chromium } from 'playwright-core';
import { accounts } from './app.ts';

const BROWSER = '/usr/bin/chromium';
const ada = { email: 'ada@example.com', password: 'correct horse battery' };
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// INF-9
test(
  'the page shows every call without an error or a request elsewhere, and Authorize logs in',
  { skip: existsSync(BROWSER) ? false : `there is no browser at ${BROWSER}` },
  async () => {
    await using database = await testDatabase(accounts, { isolation: 'database' });
    const environment = { APP_ENV: 'test', DATABASE_URL: database.postgres.url, SECRET_KEY: 'kX9v2Lq7Zt4Bw8Rn1Yc6Md3Hs5Fj0PgAeUoTiVb' };
    const running = await startApp(accounts, { port: 0, environment, log: silentLog });
    const browser = await chromium.launch({ executablePath: BROWSER, args: quiet });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      const elsewhere: string[] = [];
      page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
      page.on('pageerror', (error) => void complaints.push(error.message));
      page.on(
        'request',
        (request) =>
          void (/^(?:data|blob):/u.test(request.url()) || request.url().startsWith(running.url) || elsewhere.push(request.url())),
      );
      const registered = await fetch(`${running.url}/api/v1/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(ada),
      });
      assert.equal(registered.status, 201);
      await page.goto(`${running.url}/docs`);
      await page.getByText('Who am I?').waitFor();
      await page.getByRole('button', { name: 'Authorize' }).first().click();
      await page.locator('#oauth_username').fill(ada.email);
      await page.locator('#oauth_password').fill(ada.password);
      await page.locator('.auth-container button.authorize').click();
      await page.locator('.auth-container').getByRole('button', { name: 'Remove authorization' }).waitFor();
      await page.locator('.close-modal').click();
      await page.getByText('Who am I?').click();
      await page.getByRole('button', { name: 'Try it out' }).click();
      await page.getByRole('button', { name: 'Execute' }).click();
      await page.locator('.live-responses-table').getByText(ada.email).first().waitFor();
      assert.deepEqual(complaints, []);
      assert.deepEqual(elsewhere, []);
    } finally {
      await browser.close();
      await running.stop();
    }
  },
);
