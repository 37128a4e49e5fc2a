/** The page at `/`: its files under a strict policy, the stream that it listens to, and the pictures. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KeelsonError } from 'keelson/errors';
import { type AppDefinition, LiveFeed } from 'keelson/http';
import type { Repositories } from '../model.ts';
import type { Services } from '../services.ts';
import type { Declarations, Settings } from '../settings.ts';

type Extend = NonNullable<AppDefinition<Repositories, Services, Declarations>['extend']>;

/** Only what this service sends runs, styles and shows; nothing written into the page does. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/** A picture that is opened by itself runs nothing. */
const PICTURE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";
const FOR_EVER = 'public, max-age=31536000, immutable';
const MINT = 'npm run mint -w apps/glisk';
const WORK = 'npm run worker -w apps/glisk';
const TOKEN_ID_MAX = 2_147_483_647;

const files = {
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'counts.js': 'text/javascript; charset=utf-8',
  'pictures.js': 'text/javascript; charset=utf-8',
  'attention.js': 'text/javascript; charset=utf-8',
  'operator.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

/** Serves the page; everyone may look, and what it can do is guarded where it is done. */
export const servePage: Extend = (server, { services: { page }, database, settings, clock, log }) => {
  const feed = new LiveFeed({ name: 'page', load: () => page.read(), clock, log });
  const deafen = database.onWritten((tables) => void (tables.has('tokens_s0') && feed.touch()));
  server.addHook('onClose', async () => {
    deafen();
    feed.close();
  });
  const html = render(readText('index.html'), {
    title: settings.PROJECT_NAME,
    api: settings.API_V1_PREFIX,
    mint: MINT,
    work: WORK,
    retry: whoRetries(settings),
    across: page.diagram('across'),
    down: page.diagram('down'),
  });
  const asset = (url: string, text: string, headers: Readonly<Record<string, string>>): void => {
    const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
    server.get(url, async (request, reply) => {
      // Asked again each time, and sent only when it is another: a new version is seen at once.
      reply.headers({ ...headers, etag, 'cache-control': 'no-cache' });
      return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.send(text);
    });
  };
  asset('/', html, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY });
  for (const [name, type] of Object.entries(files)) asset(`/page/${name}`, readText(name), { 'content-type': type });
  server.get('/page/live', { exposeHeadRoute: false }, (request, reply) => feed.join(request, reply));
  server.get<{ Params: { tokenId: string }; Querystring: { cid?: string } }>('/page/pictures/:tokenId', async (request, reply) => {
    const { cid, bytes, mediaType } = await page.picture(readTokenId(request.params.tokenId));
    // The content of a CID never changes; a token that is drawn anew has another.
    const caching = request.query.cid === cid ? FOR_EVER : 'no-cache';
    return reply
      .headers({ 'content-type': mediaType, 'content-security-policy': PICTURE_POLICY, 'cache-control': caching })
      .send(Buffer.from(bytes));
  });
};

/** Whether the browser asks for the operator's token before it retries, after it was refused, or not at all. */
function whoRetries({ APP_ENV, OPERATOR_TOKEN }: Settings): 'asked' | 'off' | 'open' {
  if (APP_ENV === 'development') return 'open';
  return OPERATOR_TOKEN === undefined ? 'off' : 'asked';
}

function readTokenId(text: string): number {
  const tokenId = /^\d{1,10}$/u.test(text) ? Number(text) : TOKEN_ID_MAX + 1;
  if (tokenId > TOKEN_ID_MAX) throw new KeelsonError('NOT_FOUND', { message: 'There is no such token.' });
  return tokenId;
}

/** Beside a bundled app the files lie in the same folder as here. */
function readText(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'browser', name), 'utf8');
}

/** Diagrams are SVG, and every other value is text. */
function render(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/gu, (_, name: string) => {
    const value = values[name] ?? '';
    return value.startsWith('<svg ') ? value : value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  });
}
