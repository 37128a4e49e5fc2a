/** The types of routes: what handlers are given, what they may give, and which mistakes do not compile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Type from 'typebox';
import type { Repositories } from '../work/model.ts';
import { everyone } from './guard.ts';
import { caller, route, type Services } from './notes.fixture.ts';
import type { Input, Output, Route } from './route.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function holds<T extends true>(): T | undefined {
  return undefined;
}

const Person = Type.Object({
  fullName: Type.String(),
  age: Type.Optional(Type.Integer()),
  email: Type.Union([Type.String(), Type.Null()]),
  tags: Type.Array(Type.String()),
});

const common = { method: 'POST', url: '/x', summary: 'x' } as const;

test('a handler is given what the schemas and the guard say', () => {
  const made = route({
    ...common,
    guard: caller,
    body: Person,
    query: Type.Object({ pageSize: Type.Integer({ default: 20 }) }),
    responses: { 200: Type.Object({ name: Type.String() }) },
    handler: ({ body, query, params, principal, services }) => {
      holds<Equal<typeof body.fullName, string>>();
      holds<Equal<typeof body.age, number | undefined>>();
      holds<Equal<typeof query.pageSize, number>>();
      holds<Equal<typeof params, undefined>>();
      holds<Equal<typeof principal, { readonly name: string }>>();
      holds<Equal<typeof services, Services>>();
      return { name: principal.name };
    },
  });
  holds<typeof made extends Route<infer R extends Repositories, Services> ? Equal<R, R> : false>();
  holds<Equal<Input<undefined>, undefined>>();
  holds<Equal<Output<{ 204: null }>, void>>();
  assert.equal(made.method, 'POST');
});

test('an answer may be richer than its schema, read-only, and undefined where it may be absent', () => {
  class Found {
    fullName = 'A';
    age = undefined;
    email = null;
    readonly tags: readonly string[] = [];
    passwordHash = 'x';
  }
  const made = [
    route({ ...common, guard: everyone, responses: { 200: Person }, handler: () => new Found() }),
    route({ ...common, guard: everyone, responses: { 200: Type.Array(Person) }, handler: async () => [new Found()] }),
    route({
      ...common,
      guard: everyone,
      responses: { 200: Person, 202: Type.Object({ job: Type.String() }) },
      handler: () => ({ job: 'x' }),
    }),
    route({ ...common, guard: everyone, responses: { 200: Type.Unknown() }, handler: () => new Found() }),
  ];
  assert.equal(made.length, 4);
});

test('what is wrong does not compile', () => {
  const good = { ...common, guard: everyone, responses: { 200: Person } };
  const person = { fullName: 'A', email: null, tags: [] };
  const made = [
    // @ts-expect-error -- an answer must have what its schema requires
    route({ ...good, handler: () => ({ fullName: 'A', tags: [] }) }),
    // @ts-expect-error -- and of its type
    route({ ...good, handler: () => ({ ...person, fullName: 7 }) }),
    // @ts-expect-error -- null stands only where the schema has it
    route({ ...good, handler: () => ({ ...person, fullName: null }) }),
    // @ts-expect-error -- an answer with a body needs one
    route({ ...good, handler: () => undefined }),
    // @ts-expect-error -- there is no body without its schema
    route({ ...good, handler: ({ body }) => (body.fullName === '' ? person : person) }),
    // @ts-expect-error -- everyone is nobody in particular
    route({ ...good, handler: ({ principal }) => (principal.name === '' ? person : person) }),
    // @ts-expect-error -- a code that the catalogue does not have
    route({ ...good, errors: ['NO_SUCH_CODE'], handler: () => person }),
  ];
  assert.equal(made.length, 7);
});

// INF-6
test('a route without a guard is not public: it neither compiles nor, where nobody compiles, is it made', () => {
  assert.throws(
    // @ts-expect-error -- the guard is missing
    () => route({ ...common, responses: { 204: null }, handler: () => undefined }),
    { code: 'MISUSE', message: 'POST /x names no guard.' },
  );
});
