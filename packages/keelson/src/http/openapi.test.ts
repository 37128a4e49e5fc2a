/** The OpenAPI document: what a client generator would read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../errors.ts';
import { caller, notesApp, route } from './notes.fixture.ts';
import { everyone } from './guard.ts';
import { renderOpenApi } from './openapi.ts';

interface Operation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly unknown[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, unknown>>;
        readonly content?: Readonly<Record<string, unknown>>;
      }
    >
  >;
}

interface Document {
  readonly openapi: string;
  readonly info: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function parseDocument(value: unknown): Document {
  return JSON.parse(JSON.stringify(value)) as Document;
}

const app = notesApp();
const documented = app.routes.map((each) => ({ route: each, path: each.root === true ? each.url : `/api/v1${each.url}` }));
const document = parseDocument(renderOpenApi(app, documented, '/api/v1'));

function operation(method: string, path: string): Operation {
  const found = document.paths[path]?.[method];
  assert.ok(found, `${method} ${path}`);
  return found;
}

// LRP-4
test('the document has every route once, under ids of its own', () => {
  assert.equal(document.openapi, '3.1.1');
  assert.deepEqual(document.info, { title: 'notes', version: '1.2.3', description: 'Notes for tests.' });
  const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  assert.equal(ids.length, app.routes.length);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(operation('get', '/api/v1/notes/{note_id}').operationId, 'getNotesByNoteId');
});

test('parameters are in the names of the wire, with defaults and limits', () => {
  assert.deepEqual(operation('get', '/api/v1/notes').parameters, [
    {
      name: 'page_size',
      in: 'query',
      required: false,
      schema: { format: 'int32', minimum: 1, maximum: 100, type: 'integer', default: 20 },
    },
    {
      name: 'sort_by',
      in: 'query',
      required: false,
      schema: {
        anyOf: [
          { type: 'string', const: 'title' },
          { type: 'string', const: 'createdAt' },
        ],
      },
    },
    {
      name: 'titles',
      in: 'query',
      required: false,
      schema: { type: 'array', items: { type: 'string', maxLength: 102_400 }, maxItems: 51_200 },
    },
  ]);
  assert.deepEqual(operation('get', '/api/v1/notes/{note_id}').parameters, [
    { name: 'note_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid', maxLength: 36 } },
  ]);
});

const everywhere = ['X-Request-Id', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Access-Control-Allow-Origin'];

function headerReferences(...more: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...everywhere, ...more].map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

test('a schema with a $id is written once and referred to; a body is closed', () => {
  const { requestBody, responses } = operation('post', '/api/v1/notes');
  assert.deepEqual(responses['201'], {
    description: 'Created',
    headers: headerReferences(),
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Note' } } },
  });
  assert.deepEqual(document.components['schemas']?.['Note'], {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid', maxLength: 36 },
      title: { type: 'string' },
      author_name: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      extra_data: { anyOf: [{}, { type: 'null' }] },
      created_at: { type: 'string', format: 'date-time', maxLength: 64 },
    },
    required: ['id', 'title', 'author_name', 'extra_data', 'created_at'],
  });
  assert.deepEqual(requestBody, {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: {
            title: { type: 'string', minLength: 1, maxLength: 40, description: 'What it is about.' },
            author_name: { anyOf: [{ type: 'string', maxLength: 40 }, { type: 'null' }] },
            extra_data: {},
          },
          required: ['title'],
          additionalProperties: false,
        },
      },
    },
  });
});

test('a route that takes forms says so', () => {
  const { requestBody } = operation('post', '/api/v1/sessions');
  assert.ok(requestBody);
  assert.deepEqual(Object.keys(requestBody.content), ['application/json', 'application/x-www-form-urlencoded']);
});

test('a route that takes bytes says that there is a body, and nothing of what is in it', () => {
  assert.deepEqual(operation('post', '/bytes').requestBody, { required: true, content: { 'application/json': {} } });
});

test('guards are security schemes; an open route has none', () => {
  assert.deepEqual(operation('post', '/api/v1/notes').security, [{ bearer: [] }]);
  assert.deepEqual(operation('get', '/api/v1/notes').security, [{}]);
  assert.deepEqual(document.components['securitySchemes'], { bearer: { type: 'http', scheme: 'bearer' } });
});

// FND-4
test('every failure that a route declares is a problem with an example of each code', () => {
  const { responses } = operation('post', '/api/v1/notes');
  assert.deepEqual(Object.keys(responses), ['201', '400', '401', '403', '409', '413', '415', '422', '429', '500', '503']);
  assert.deepEqual(responses['409'], {
    description: catalogue.CONFLICT.title,
    headers: headerReferences(),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: { CONFLICT: { $ref: '#/components/examples/CONFLICT' } },
      },
    },
  });
  const text = JSON.stringify(document);
  for (const [, kind = '', name = ''] of text.matchAll(/#\/components\/(\w+)\/([\w.-]+)/gu)) {
    assert.ok(name in (document.components[kind] ?? {}), `${kind} ${name}`);
  }
});

test('answers tell of their headers: how many calls are left, when to come back, how to sign in', () => {
  const { responses } = operation('post', '/api/v1/notes');
  assert.deepEqual(responses['401']?.headers, headerReferences('WWW-Authenticate'));
  for (const status of ['429', '503']) assert.deepEqual(responses[status]?.headers, headerReferences('Retry-After'), status);
  assert.ok(Object.values(document.components['headers'] ?? {}).every((header) => typeof header === 'object'));
});

// FND-4
test('every operation of every route declares what may befall any call', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses, security }] of Object.entries(methods)) {
      for (const status of ['400', '429', '500', '503']) assert.ok(responses[status], `${method} ${path} ${status}`);
      if (!security.some((each) => JSON.stringify(each) === '{}')) assert.ok(responses['401'], `${method} ${path} 401`);
    }
  }
});

test('what comes in is bounded everywhere; whole numbers and formats are so both ways', () => {
  const text = JSON.stringify(document.paths);
  const schemas = [...text.matchAll(/\{[^{}]*"type":"(?:string|integer)"[^{}]*\}/gu)].map(([found]): unknown => JSON.parse(found));
  assert.ok(schemas.length > 10);
  const unbounded = schemas.filter((schema) => !/"(?:maxLength|maximum|const|enum)"/u.test(JSON.stringify(schema)));
  // An answer holds what the app lets it hold.
  assert.deepEqual(unbounded, [{ type: 'string' }]);
});

test('a security scheme may name paths under the prefix', () => {
  const scheme = (prefix: string): { tokenUrl: string } => ({ tokenUrl: `${prefix}/login` });
  const made = route({
    method: 'GET',
    url: '/me',
    operationId: 'whoAmI',
    summary: 'Who?',
    guard: { ...caller, security: { name: 'oauth2', scheme } },
    responses: { 204: null },
    handler: () => undefined,
  });
  const own = parseDocument(renderOpenApi(app, [{ route: made, path: '/v2/me' }], '/v2'));
  assert.deepEqual(own.components['securitySchemes'], { oauth2: { tokenUrl: '/v2/login' } });
  assert.equal(own.paths['/v2/me']?.['get']?.operationId, 'whoAmI');
});

test('a route says what is wrong with it when it is declared', () => {
  const declare =
    (url: string, status: number): (() => unknown) =>
    () =>
      route({ method: 'GET', url, summary: 'x', guard: everyone, responses: { [status]: null }, handler: () => undefined });
  assert.throws(declare('/notes/:id', 200), {
    message: 'GET /notes/:id must begin with a slash and declare each of its parameters in `params`.',
  });
  assert.throws(declare('notes', 200), { code: 'MISUSE' });
  assert.throws(declare('/notes', 404), { code: 'MISUSE' });
});
