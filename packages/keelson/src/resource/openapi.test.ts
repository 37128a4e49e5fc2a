/** Resources in the OpenAPI document: parameters with operators, conditions, tags of versions, and every answer. */
// LRP-4, LRP-15
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderOpenApi } from '../http/openapi.ts';
import { cardsApp } from './cards.fixture.ts';

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly style?: string;
  readonly explode?: boolean;
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly $ref?: string;
}

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: unknown } } };
  readonly responses: Readonly<Record<string, { readonly headers?: object; readonly content?: object }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly required?: readonly string[]; readonly properties: object }>>;
    readonly parameters: Readonly<Record<string, unknown>>;
  };
}

const app = cardsApp('migrations');
const routes = app.routes.map((route) => ({ route, path: `/api/v1${route.url}` }));
const document = parseDocument(JSON.stringify(renderOpenApi(app, routes, '/api/v1')));

function parseDocument(text: string): Document {
  return JSON.parse(text) as Document;
}

function operation(method: string, path: string): Operation {
  const found = document.paths[path]?.[method];
  assert.ok(found, `${method} ${path}`);
  return found;
}

test('a resource is seven calls on three paths', () => {
  const calls = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  assert.deepEqual(calls, [
    'get /api/v1/cards',
    'post /api/v1/cards',
    'post /api/v1/cards/bulk',
    'get /api/v1/cards/{id}',
    'put /api/v1/cards/{id}',
    'patch /api/v1/cards/{id}',
    'delete /api/v1/cards/{id}',
    'get /api/v1/wall-boards',
    'post /api/v1/wall-boards',
    'get /api/v1/wall-boards/{id}',
    'patch /api/v1/wall-boards/{id}',
    'delete /api/v1/wall-boards/{id}',
  ]);
  assert.equal(operation('get', '/api/v1/wall-boards').summary, 'Lists the boards on the wall');
  assert.deepEqual(operation('patch', '/api/v1/cards/{id}').tags, ['cards']);
});

test('a list names each filter with its operators, and what is a list of its own with commas', () => {
  const parameters = operation('get', '/api/v1/cards').parameters ?? [];
  const names = new Set(parameters.map(({ name }) => name));
  for (const name of ['page', 'size', 'cursor', 'sort_by', 'sort_order', 'search', 'fields', 'total']) assert.ok(names.has(name), name);
  for (const name of ['title', 'title[not]', 'title[gte]', 'title[in]', 'board_id', 'due_at[null]', 'label_names[has]'])
    assert.ok(names.has(name), name);
  for (const name of ['secret', 'points', 'notes', 'details', 'board_id[gt]', 'title[null]', 'label_names'])
    assert.ok(!names.has(name), name);
  assert.deepEqual(
    parameters.find(({ name }) => name === 'board_id[in]'),
    {
      name: 'board_id[in]',
      in: 'query',
      required: false,
      style: 'form',
      explode: false,
      schema: { type: 'array', items: { type: 'string', format: 'uuid', maxLength: 36 }, minItems: 1, maxItems: 100 },
    },
  );
  assert.ok(parameters.every(({ required }) => required === false));
  assert.doesNotMatch(JSON.stringify(document), /separator|secret/u);
});

test('versions are told and asked for by their headers, where there are versions', () => {
  const headersOf = (method: string, path: string, status: string): readonly string[] =>
    Object.keys(operation(method, path).responses[status]?.headers ?? {});
  assert.deepEqual(operation('get', '/api/v1/cards/{id}').parameters?.at(-1), { $ref: '#/components/parameters/If-None-Match' });
  assert.ok(headersOf('get', '/api/v1/cards/{id}', '200').includes('ETag'));
  assert.ok(headersOf('get', '/api/v1/cards/{id}', '304').includes('ETag'));
  assert.equal(operation('get', '/api/v1/cards/{id}').responses['304']?.content, undefined);
  for (const method of ['put', 'patch', 'delete']) {
    const { parameters, responses } = operation(method, '/api/v1/cards/{id}');
    assert.deepEqual(parameters?.at(-1), { $ref: '#/components/parameters/If-Match' }, method);
    for (const status of ['403', '404', '409', '412', '422']) assert.ok(responses[status], `${method} ${status}`);
    assert.ok(headersOf(method, '/api/v1/cards/{id}', '412').includes('ETag'), method);
  }
  assert.deepEqual(headersOf('post', '/api/v1/cards', '201').slice(-2), ['ETag', 'Location']);
  assert.ok(!headersOf('get', '/api/v1/wall-boards/{id}', '200').includes('ETag'));
  assert.equal(operation('get', '/api/v1/wall-boards/{id}').responses['304'], undefined);
  assert.equal(operation('patch', '/api/v1/wall-boards/{id}').responses['412'], undefined);
  assert.deepEqual(Object.keys(document.components.parameters), ['If-None-Match', 'If-Match']);
});

test('schemas have names, and say what must be said', () => {
  const { schemas } = document.components;
  assert.deepEqual(schemas['CardCreate']?.required, ['board_id', 'title']);
  assert.deepEqual(schemas['CardReplace']?.required, ['board_id', 'title']);
  assert.equal(schemas['CardChange']?.required, undefined);
  assert.equal(schemas['CardListed']?.required, undefined);
  assert.equal(schemas['Card']?.required?.length, 12);
  assert.deepEqual(operation('post', '/api/v1/cards').requestBody?.content['application/json'].schema, {
    $ref: '#/components/schemas/CardCreate',
  });
});
