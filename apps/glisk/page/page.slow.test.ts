/** The page in a real browser, under its strict policy: live counts, retries, the keyboard, every width, dark and light, and a service that goes and comes back. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { startApp } from 'keelson/http';
import { silentLog } from 'keelson/log';
import { type Browser, chromium, type Page } from 'playwright-core';
import { glisk } from '../app.ts';
import { type GliskDatabase, newAuthor, newTokens, openGlisk } from '../rows.fixture.ts';

const BROWSER = '/usr/bin/chromium';
const OPERATOR_TOKEN = 'uJ7vQx2mR9tYk4LpZc8WnB6hDfSg3aEo5iTr';
const skip = existsSync(BROWSER) ? false : `there is no browser at ${BROWSER}`;
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// What runs in the browser is text here: nothing of it runs in this process.
const FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent";
const OVER = 'document.documentElement.scrollWidth - innerWidth';
const DRAWINGS = "[...document.querySelectorAll('svg.life-cycle')].filter((svg) => svg.getBoundingClientRect().width > 0).length";
const GROUND = 'getComputedStyle(document.documentElement).backgroundColor';
const TRESPASS = `(async () => {
  const refused = [];
  const all = new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective) === 4 && resolve());
  });
  const style = document.createElement('style');
  style.textContent = 'body { color: red }';
  document.head.append(style);
  new Image().src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
  await fetch('http://127.0.0.1:9/').catch(() => undefined);
  let sink = 'open';
  try {
    document.body.insertAdjacentHTML('beforeend', '<img src=x>');
  } catch {
    sink = 'closed';
  }
  await all;
  return { refused: refused.toSorted(), sink };
})()`;

interface Bench extends AsyncDisposable {
  readonly database: GliskDatabase;
  /** What the browser complained of, and what it asked of others. */
  readonly complaints: string[];
  open(options?: { readonly colorScheme?: 'dark' | 'light' }): Promise<Page>;
  stop(): Promise<void>;
  /** Starts the service again where it was. */
  restart(): Promise<void>;
}

/** One browser for all tests, started by the first. */
let shared: Promise<Browser> | undefined;

after(async () => (await shared)?.close());

async function bench(): Promise<Bench> {
  const database = await openGlisk({ isolation: 'database' });
  const environment = {
    APP_ENV: 'test',
    DATABASE_URL: database.postgres.url,
    SECRET_KEY: 'kX9v2Lq7Zt4Bw8Rn1Yc6Md3Hs5Fj0PgAeUoTiVb',
    OPERATOR_TOKEN,
    WORKERS_IN_SERVER: 'off',
  };
  let running = await startApp(glisk, { port: 0, environment, log: silentLog });
  const { url } = running;
  shared ??= chromium.launch({ executablePath: BROWSER, args: quiet });
  const browser = await shared;
  const context = await browser.newContext();
  const complaints: string[] = [];
  const open: Bench['open'] = async (options = {}) => {
    const page = await context.newPage();
    if (options.colorScheme !== undefined) await page.emulateMedia({ colorScheme: options.colorScheme });
    page.on('console', (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())));
    page.on('pageerror', (error) => void complaints.push(error.message));
    page.on('request', (request) => void (request.url().startsWith(url) || complaints.push(`asked for ${request.url()}`)));
    await page.goto(`${url}/`);
    await page.locator('[data-link="live"]').waitFor();
    return page;
  };
  return {
    database,
    complaints,
    open,
    stop: () => running.stop(),
    restart: async () => {
      running = await startApp(glisk, { port: Number(new URL(url).port), environment, log: silentLog });
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await running.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}

function count(page: Page, state: string, number: string): Promise<void> {
  return page.locator(`.is-across [data-count="${state}"]`, { hasText: new RegExp(`^${number}$`, 'u') }).waitFor();
}

test('an empty service says how to mint; mints and moves are shown without a reload, and nothing complains', { skip }, async () => {
  await using glance = await bench();
  const { database, complaints } = glance;
  const page = await glance.open();
  await page.getByText('npm run mint -w apps/glisk').waitFor();
  await page.getByText('Nothing is stuck, and nothing has failed.').waitFor();
  const author = await database.work((unit) => {
    const added = unit.authors.add(newAuthor());
    unit.tokens.addMany(newTokens(added, { count: 12, from: 1 }));
    return added;
  });
  await count(page, 'detected', '12');
  await page.locator('#nothing').waitFor({ state: 'hidden' });
  // Nobody works here: that is said, with the command that changes it.
  await page.getByText('npm run worker -w apps/glisk').waitFor();
  await database.work(async ({ tokens }) => {
    for (const token of await tokens.getPendingForGeneration(5)) token.markGenerating();
  });
  await Promise.all([count(page, 'detected', '7'), count(page, 'generating', '5')]);
  await page.locator('.is-across .is-flowing[data-to="generating"]').waitFor({ state: 'attached' });
  // The same count stands in both drawings, of which one is seen.
  assert.equal(await page.locator('.is-down [data-count="generating"]').textContent(), '5');
  await database.work(({ tokens }) => void tokens.addMany(newTokens(author, { count: 1, status: 'failed', from: 90 })));
  await page.getByRole('button', { name: 'Retry token 90' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('what a policy must refuse is refused: inline scripts, inline styles, and requests elsewhere', { skip }, async () => {
  await using glance = await bench();
  const page = await glance.open();
  const outcome = await page.evaluate(TRESPASS);
  assert.deepEqual(outcome, { refused: ['connect-src', 'img-src', 'require-trusted-types-for', 'style-src-elem'], sink: 'closed' });
});

test('by keyboard alone a failed token is sent back, with the operator token asked for once and a wrong one told', { skip }, async () => {
  await using glance = await bench();
  const { database, complaints } = glance;
  await database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    unit.tokens.addMany(newTokens(author, { count: 2, status: 'failed', from: 1 }));
  });
  const page = await glance.open();
  await page.getByRole('button', { name: 'Retry token 2' }).waitFor();
  const focused = (): Promise<unknown> => page.evaluate(FOCUSED);
  const stops: unknown[] = [];
  while (!stops.includes('Retry token 2') && stops.length < 20) {
    await page.keyboard.press('Tab');
    stops.push(await focused());
  }
  assert.deepEqual(stops, [
    'Skip to what needs attention',
    'detected: 0 tokens',
    'generating: 0 tokens',
    'uploading: 0 tokens',
    'ready: 0 tokens',
    'revealed: 0 tokens',
    'failed: 2 tokens',
    'Retry token 2',
  ]);
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  assert.equal(await focused(), 'Retry token 2');
  await page.keyboard.press('Enter');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('That is not the operator token of this service.').waitFor();
  await page.keyboard.type(OPERATOR_TOKEN);
  await page.keyboard.press('Enter');
  await Promise.all([count(page, 'failed', '1'), count(page, 'detected', '1')]);
  // The row has gone; the keyboard stands on the next, and is not asked again.
  await page.getByRole('button', { name: 'Retry token 2' }).waitFor({ state: 'detached' });
  assert.equal(await focused(), 'Retry token 1');
  await page.keyboard.press('Enter');
  await count(page, 'detected', '2');
  await page.getByText('Nothing is stuck, and nothing has failed.').waitFor();
  assert.equal(await focused(), 'Needs attention');
  assert.deepEqual(complaints, ['Failed to load resource: the server responded with a status of 401 (Unauthorized)']);
});

test('the page fits every width, in dark and light, and shows one drawing of the life cycle', { skip }, async () => {
  await using glance = await bench();
  await glance.database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    const failed = unit.tokens.addMany(newTokens(author, { count: 8, status: 'failed', from: 1_000_000 }));
    for (const token of failed) token.errorData = { message: 'x'.repeat(400) };
    unit.tokens.addMany(newTokens(author, { count: 30, status: 'revealed', from: 1 }));
  });
  const grounds = new Set<unknown>();
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await glance.open({ colorScheme });
    await page.getByRole('button', { name: 'Retry token 1000000' }).waitFor();
    for (const width of [320, 360, 620, 621, 768, 940, 941, 1280, 1920]) {
      await page.setViewportSize({ width, height: 800 });
      assert.deepEqual([width, await page.evaluate(OVER), await page.evaluate(DRAWINGS)], [width, 0, 1]);
      grounds.add(await page.evaluate(GROUND));
    }
    await page.close();
  }
  assert.equal(grounds.size, 2);
  assert.deepEqual(glance.complaints, []);
});

test('a service that stops does not wait for those who look on, and the page finds it again', { skip }, async () => {
  await using glance = await bench();
  const page = await glance.open();
  await glance.stop();
  await page.locator('[data-link="lost"]').waitFor();
  await glance.database.work((unit) => {
    const author = unit.authors.add(newAuthor());
    unit.tokens.addMany(newTokens(author, { count: 3, from: 1 }));
  });
  await glance.restart();
  await page.locator('[data-link="live"]').waitFor();
  await count(page, 'detected', '3');
});
