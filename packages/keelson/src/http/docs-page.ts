/** The documents: the OpenAPI text at `/openapi.json` and a page to read and try it at `/docs`. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { KeelsonError } from '../errors.ts';

/** Strict, and enough for Swagger UI: measured in a browser, no error in its console and no request elsewhere. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const files = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
} as const;

const START = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', validatorUrl: null, deepLinking: true });\n";

/** Serves the documents; both are made, and the files of the page read, only when somebody asks. */
export function serveDocs(server: FastifyInstance, title: string, render: () => object): void {
  let text: string | undefined;
  server.get('/openapi.json', async (_request, reply) => {
    text ??= JSON.stringify(render());
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
  server.get('/docs', async (_request, reply) =>
    reply.headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY }).send(page(title)),
  );
  server.get('/docs/start.js', async (_request, reply) => reply.header('content-type', 'text/javascript; charset=utf-8').send(START));
  for (const [name, type] of Object.entries(files)) {
    server.get(`/docs/${name}`, async (_request, reply) => {
      const file = await findFile(name);
      return reply.headers({ 'content-type': type, 'cache-control': 'public, max-age=3600' }).send(createReadStream(file));
    });
  }
}

function page(title: string): string {
  const safe = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${safe}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
`;
}

/** Beside a bundled app the files lie in `docs-page`; else they are those of the npm package. */
async function findFile(name: string): Promise<string> {
  const beside = path.join(import.meta.dirname, 'docs-page', name);
  try {
    await access(beside);
    return beside;
  } catch {
    return path.join(packageFolder(), name);
  }
}

function packageFolder(): string {
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static');
  } catch (error) {
    throw new KeelsonError('NOT_FOUND', { message: 'The page is not part of this build; /openapi.json is.', cause: error });
  }
}
