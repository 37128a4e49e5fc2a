/** The OpenAPI 3.1 document: routes, their schemas, their guards and every failure they declare. */
import { catalogue, type ErrorCode } from '../errors.ts';
import { Components } from './openapi-components.ts';
import { PROBLEM_TYPE } from './problem.ts';
import type { RouteFacts, RouteWire } from './route.ts';
import type { SecurityScheme } from './guard.ts';
import type { JsonSchema, Shape } from './wire/shape.ts';

/** A route with its whole path, for the document. */
export interface Documented {
  readonly path: string;
  readonly route: RouteFacts & {
    readonly wire: RouteWire;
    readonly guard: { readonly security?: SecurityScheme | undefined; readonly errors?: readonly ErrorCode[] | undefined };
  };
}

/** What the document says of the app. */
export interface DocumentFacts {
  readonly name: string;
  readonly version: string;
  readonly description?: string | undefined;
}

/**
 * Renders the document.
 *
 * @see https://spec.openapis.org/oas/v3.1.1.html
 */
export function renderOpenApi(app: DocumentFacts, routes: readonly Documented[], prefix: string): JsonSchema {
  const components = new Components(prefix);
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const documented of routes) {
    const path = documented.path.replaceAll(/:([a-z0-9_]+)/giu, '{$1}');
    const operations = (paths[path] ??= {});
    operations[documented.route.method.toLowerCase()] = operation(documented, components);
  }
  return {
    openapi: '3.1.1',
    info: { title: app.name, version: app.version, ...(app.description === undefined ? {} : { description: app.description }) },
    servers: [{ url: '/', description: 'Where this document came from: local, staging or production.', 'x-internal': false }],
    tags: tagsOf(routes),
    paths,
    components: components.render(),
  };
}

function tagsOf(routes: readonly Documented[]): readonly JsonSchema[] {
  return [...new Set(routes.flatMap(({ route }) => route.tags ?? []))].map((name) => ({ name }));
}

function operation({ route, path }: Documented, components: Components): JsonSchema {
  const { wire, guard, summary, description, tags } = route;
  const parameters = [
    ...parametersOf(wire.params, 'path', components),
    ...parametersOf(wire.query, 'query', components),
    ...(route.takes ?? []).map((name) => components.parameter(name)),
  ];
  // An empty requirement: no credentials are needed. An empty list would read as forgotten.
  const security = guard.security === undefined ? [{}] : [{ [components.security(guard.security)]: [] }];
  return {
    operationId: route.operationId ?? operationId(route.method, path),
    summary,
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
    security,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(wire.body === undefined ? {} : { requestBody: requestBody(wire.body, route.forms === true, components) }),
    ...(route.rawBytesMax === undefined ? {} : { requestBody: { required: true, content: { 'application/json': {} } } }),
    responses: { ...successes(route, components), ...failures(route, components) },
  };
}

function parametersOf(shape: Shape | undefined, place: 'path' | 'query', components: Components): readonly JsonSchema[] {
  if (shape?.kind !== 'object') return [];
  return shape.properties.map(({ name, shape: inner, required }) => {
    const { description, ...schema } = components.schema(inner, 'in');
    const isRequired = place === 'path' || (required && !('default' in inner.own));
    // One text with commas, where a list would else be the parameter again and again.
    const style = 'separator' in inner.own ? { style: 'form', explode: false } : {};
    return { name, in: place, required: isRequired, ...(description === undefined ? {} : { description }), ...style, schema };
  });
}

function requestBody(shape: Shape, takesForms: boolean, components: Components): JsonSchema {
  const media = { schema: components.schema(shape, 'in') };
  return {
    required: true,
    content: { 'application/json': media, ...(takesForms ? { 'application/x-www-form-urlencoded': media } : {}) },
  };
}

function successes({ wire, gives }: Documented['route'], components: Components): JsonSchema {
  const entries = [...wire.responses].map(([status, shape]) => {
    const description = successWords[status] ?? 'Success';
    return [
      status,
      {
        description,
        headers: components.headers(status, gives),
        ...(shape === null ? {} : { content: { 'application/json': { schema: components.schema(shape, 'out') } } }),
      },
    ];
  });
  return parseRecord(Object.fromEntries(entries));
}

function failures(route: Documented['route'], components: Components): JsonSchema {
  const byStatus = Map.groupBy(errorsOf(route), (code) => catalogue[code].status);
  const entries = [...byStatus]
    .toSorted(([one], [other]) => one - other)
    .map(([status, group]) => {
      const description = group.map((code) => catalogue[code].title).join(', or ');
      const examples = Object.fromEntries(group.map((code) => [code, components.example(code)]));
      const content = { [PROBLEM_TYPE]: { schema: components.problem(), examples } };
      return [String(status), { description, headers: components.headers(status, route.gives), content }] as const;
    });
  return Object.fromEntries(entries);
}

/** What a route may answer beside its own: by what it reads, by its guard, and what may befall every call. */
function errorsOf({ method, wire, guard, errors = [] }: Documented['route']): readonly ErrorCode[] {
  const reads = wire.body !== undefined || wire.query !== undefined || wire.params !== undefined;
  const admitted: readonly ErrorCode[] = guard.errors ?? (guard.security === undefined ? [] : ['UNAUTHENTICATED', 'FORBIDDEN']);
  const read: readonly ErrorCode[] = reads ? ['VALIDATION_ERROR'] : [];
  // A body that nobody asked for is read before it is dropped: only GET never has one.
  const parsed: readonly ErrorCode[] = method === 'GET' ? [] : ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
  return [...new Set<ErrorCode>(['MALFORMED_REQUEST', ...admitted, ...read, ...parsed, ...errors, ...always])];
}

const always = ['RATE_LIMITED', 'INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE'] as const satisfies readonly ErrorCode[];

const successWords: Readonly<Record<number, string>> = {
  200: 'Success',
  201: 'Created',
  202: 'Accepted',
  204: 'Done; there is no body',
  304: 'Not modified',
};

/** `GET /api/v1/users/{id}` → `getUsersById`; the prefix says nothing of the call. */
function operationId(method: string, path: string): string {
  const words = path
    .split('/')
    .filter((part) => part !== '' && part !== 'api' && !/^v[0-9]+$/u.test(part))
    .flatMap((part) => (part.startsWith(':') ? ['by', ...part.slice(1).split('_')] : part.split(/[^A-Za-z0-9]+/u)));
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function parseRecord(value: unknown): JsonSchema {
  return value as JsonSchema;
}
