/** The route factory: reads the schemas of a route once, and binds its handler to the parts of a running app. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { type FieldProblem, KeelsonError } from '../errors.ts';
import { runInRequest } from '../context.ts';
import { snakeCase } from '../schema/table.ts';
import type { Repositories } from '../work/model.ts';
import { everyone, type Guard } from './guard.ts';
import { FormBody } from './bodies.ts';
import { Call, type CallContext, contextOf, HandlerCall } from './call.ts';
import type {
  BoundRoute,
  Input,
  Responses,
  Route,
  RouteContext,
  RouteDefinition,
  RouteFacts,
  RouteFactory,
  RouteParts,
  RouteWire,
} from './route.ts';
import { compileReader, type Reader } from './wire/reader.ts';
import { readShape, type Shape } from './wire/shape.ts';
import { parseTexts } from './wire/text-values.ts';
import { compileWriter, type Writer } from './wire/writer.ts';

/**
 * Gives the function that makes an app's routes.
 *
 * @example
 * import { everyone, routeFactory } from 'keelson/http';
 * import * as Type from 'typebox';
 * const repositories = {};
 * interface Services { readonly greet: (name: string) => string }
 * const route = routeFactory<typeof repositories, Services>();
 * export const hello = route({
 *   method: 'GET', url: '/hello/:name', summary: 'Greets', guard: everyone,
 *   params: Type.Object({ name: Type.String() }), responses: { 200: Type.Object({ text: Type.String() }) },
 *   handler: ({ params, services }) => ({ text: services.greet(params.name) }),
 * });
 */
export function routeFactory<R extends Repositories, S>(): RouteFactory<R, S> {
  return (definition) => makeRoute(definition);
}

type PartSchema = TSchema | undefined;

function makeRoute<R extends Repositories, S, P, B extends PartSchema, Q extends PartSchema, U extends PartSchema, A extends Responses>(
  definition: RouteDefinition<R, S, P, B, Q, U, A>,
): Route<R, S> {
  const { guard, body, query, params, responses, handler, ...facts } = definition;
  const name = `${facts.method} ${facts.url}`;
  refuseUnguarded(guard, name);
  const wire: RouteWire = {
    body: body && readShape(body, `${name}: body`),
    query: query && readShape(query, `${name}: query`),
    params: params && readShape(params, `${name}: params`),
    responses: readResponses(responses, name),
  };
  const url = wireUrl(facts, wire.params, name);
  const readers: Readers<Input<B>, Input<Q>, Input<U>> = {
    body: readerOf<Input<B>>(wire.body, 'body'),
    query: readerOf<Input<Q>>(wire.query, 'query'),
    params: readerOf<Input<U>>(wire.params, 'params'),
  };
  const writers = new Map([...wire.responses].map(([status, shape]) => [status, shape && compileWriter(shape, name)]));
  return { ...facts, url, guard, wire, bind: (parts) => bindRoute({ parts, guard, readers, writers, handler }) };
}

/** The types ask for a guard, and code without types may leave it out; what is open to all must say so. */
function refuseUnguarded(guard: { readonly check?: unknown } | undefined, name: string): void {
  if (typeof guard?.check === 'function') return;
  throw new KeelsonError('MISUSE', { message: `${name} names no guard.`, hint: 'Name the guard of its callers, or `everyone`.' });
}

interface Readers<B, Q, U> {
  readonly body: Reader<B>;
  readonly query: Reader<Q>;
  readonly params: Reader<U>;
}

interface Binding<R extends Repositories, S, P, B, Q, U> {
  readonly parts: RouteParts<R, S>;
  readonly guard: Guard<P, S>;
  readonly readers: Readers<B, Q, U>;
  readonly writers: ReadonlyMap<number, Writer | null>;
  readonly handler: (context: RouteContext<R, S, P, B, Q, U>) => unknown;
}

function bindRoute<R extends Repositories, S, P, B, Q, U>({
  parts,
  guard,
  readers,
  writers,
  handler,
}: Binding<R, S, P, B, Q, U>): BoundRoute {
  const { clock } = parts;
  const seats = new WeakMap<FastifyRequest, { readonly principal: P }>();
  const usual = Math.min(...writers.keys());
  const isOpen = Object.is(guard, everyone);
  const ask = async (request: FastifyRequest, context: CallContext): Promise<P> => {
    const principal = await guard.check(new Call(parts, request, context));
    if (guard.identify !== undefined) context.identify(guard.identify(principal));
    return principal;
  };
  const admit = (request: FastifyRequest): Promise<void> => {
    const context = contextOf(request, clock);
    return runInRequest(context, async () => void seats.set(request, { principal: await ask(request, context) }));
  };
  const answer = async (request: FastifyRequest, reply: FastifyReply, context: CallContext): Promise<string | undefined> => {
    const seat = isOpen ? undefined : seats.get(request);
    // Whoever comes here without a seat is asked now: there is no way past the guard.
    const asked = seat === undefined ? (isOpen ? guard.check(new Call(parts, request, context)) : ask(request, context)) : seat.principal;
    const input = readInput(readers, request);
    const principal = asked instanceof Promise ? await asked : asked;
    reply.code(usual);
    const result = await handler(new HandlerCall({ parts, request, context }, { ...input, principal, reply }));
    const write = writers.get(reply.statusCode);
    if (write === undefined) {
      throw new KeelsonError('MISUSE', {
        message: `The route does not declare an answer ${reply.statusCode}.`,
        hint: 'Add it to responses.',
      });
    }
    return write === null ? undefined : write(result);
  };
  const handle = (request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> => {
    const context = contextOf(request, clock);
    return runInRequest(context, () => answer(request, reply, context));
  };
  return { admit: isOpen ? undefined : admit, handle };
}

function readInput<B, Q, U>(readers: Readers<B, Q, U>, request: FastifyRequest): { body: B; query: Q; params: U } {
  const problems: FieldProblem[] = [];
  const params = readers.params.readTexts(parseTexts(request.params), problems);
  const query = readers.query.readTexts(parseTexts(request.query), problems);
  const { body: sent } = request;
  const body = sent instanceof FormBody ? readers.body.readTexts(sent.fields, problems) : readers.body.read(sent, problems);
  if (problems.length > 0) throw new KeelsonError('VALIDATION_ERROR', { validationErrors: problems });
  return { body: parseRead<B>(body), query: parseRead<Q>(query), params: parseRead<U>(params) };
}

function readerOf<T>(shape: Shape | undefined, part: string): Reader<T> {
  return shape === undefined ? { read: nothing, readTexts: nothing } : compileReader<T>(shape, part);
}

function nothing(): undefined {
  return undefined;
}

/** Without a problem a reader has read; without a schema `T` is undefined. */
function parseRead<T>(value: T | undefined): T {
  return value as T;
}

function readResponses(responses: Responses, name: string): ReadonlyMap<number, Shape | null> {
  const entries = Object.entries(responses).map(
    ([status, schema]) => [Number(status), schema && readShape(schema, `${name}: answer`)] as const,
  );
  const isSuccess = entries.every(([status]) => status >= 200 && status < 400);
  if (entries.length === 0 || !isSuccess) {
    throw new KeelsonError('MISUSE', { message: `${name} must declare its answers, all of them successes; failures are \`errors\`.` });
  }
  return new Map(entries);
}

/** The path in the names of the wire; its parameters are exactly those of the schema. */
function wireUrl({ url }: RouteFacts, params: Shape | undefined, name: string): string {
  const inUrl = [...url.matchAll(/:([A-Za-z][A-Za-z0-9_]*)/gu)].map(([, parameter = '']) => snakeCase(parameter));
  const inSchema = params?.kind === 'object' ? params.properties.map((property) => property.name) : [];
  if (!url.startsWith('/') || inUrl.toSorted().join() !== inSchema.toSorted().join()) {
    throw new KeelsonError('MISUSE', { message: `${name} must begin with a slash and declare each of its parameters in \`params\`.` });
  }
  return url.replaceAll(/:[A-Za-z][A-Za-z0-9_]*/gu, snakeCase);
}
