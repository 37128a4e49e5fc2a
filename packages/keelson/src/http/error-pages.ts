/** Error pages: the address in a problem's `type` leads to a page that a person can read. */
import type { FastifyInstance } from 'fastify';
import { catalogue, type ErrorCode, KeelsonError } from '../errors.ts';

/** Serves `/errors` and `/errors/<code>`. */
export function serveErrorPages(server: FastifyInstance): void {
  server.get('/errors', async (_request, reply) => {
    const rows = Object.entries(catalogue).map(([code, { title }]) => `<li><a href="/errors/${code}">${code}</a> ${escape(title)}</li>`);
    return reply.header('content-type', HTML).send(page('Errors', `<ul>${rows.join('\n')}</ul>`));
  });
  server.get<{ Params: { code: string } }>('/errors/:code', async (request, reply) => {
    const { code } = request.params;
    if (!isCode(code)) throw new KeelsonError('NOT_FOUND', { message: 'There is no error of this code.' });
    const { title, status, message, hint, retryable } = catalogue[code];
    const again = retryable ? 'The same call may succeed when it is made again.' : 'Made again, the same call fails again.';
    const body = `<p>Status ${status}</p><p>${escape(message)}</p><p>${escape(hint)}</p><p>${again}</p><p><a href="/errors">All errors</a></p>`;
    return reply.header('content-type', HTML).send(page(`${code}: ${title}`, body));
  });
}

const HTML = 'text/html; charset=utf-8';

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
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
