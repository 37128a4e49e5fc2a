/** Error pages: the address in a problem's `type` leads to a page that a person can read. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { catalogue, type ErrorCode, KeelsonError } from '../errors.ts';

/** Serves `/errors` and `/errors/<code>`; what is there is made when the server is built. */
export function serveErrorPages(server: FastifyInstance): void {
  const list = listPage();
  const pages: ReadonlyMap<string, string> = new Map(codes.map((code) => [code, codePage(code)]));
  server.get('/errors', async (_request, reply) => reply.headers(headers).send(list));
  server.get<{ Params: { code: string } }>('/errors/:code', async (request, reply) => {
    const text = pages.get(request.params.code);
    if (text === undefined) throw new KeelsonError('NOT_FOUND', { message: 'There is no error of this code.' });
    return reply.headers(headers).send(text);
  });
}

const codes = Object.keys(catalogue).filter(isCode);

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark; }
dt { font-weight: 600; margin-top: 1rem; } dd { margin: 0; } code { font-size: 0.95em; }
`;

/** Nothing runs, nothing is loaded, and only this style holds. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

function listPage(): string {
  const rows = codes.map((code) => `<li><a href="/errors/${code}"><code>${code}</code></a> ${escape(catalogue[code].title)}</li>`);
  return page('Errors', `<ul>\n${rows.join('\n')}\n</ul>`);
}

function codePage(code: ErrorCode): string {
  const { title, status, message, hint, retryable } = catalogue[code];
  const facts = [
    ['Code', `<code>${code}</code>`],
    ['What it means', escape(message)],
    ['What to do', escape(hint)],
    ['Status', String(status)],
    ['Again?', retryable ? 'Yes: the same call may succeed when it is made again.' : 'No: made again, the same call fails again.'],
  ];
  const list = facts.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join('\n');
  return page(title, `<dl>\n${list}\n</dl>\n<p><a href="/errors">All errors</a></p>`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(title)}</title>
<style>${STYLE}</style></head>
<body><h1>${escape(title)}</h1>
${body}
</body></html>
`;
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
