/** A fuzzer over the resources and combined views of the document: each request gets an answer that the document names, and no row of another game. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { Compile } from 'typebox/schema';
import { type RunningLarp, signInTwoGames, startLarp } from './calls.fixture.ts';
import { type Draft, type JsonSchema, type Known, type Operation, requestsOf } from './fuzz.fixture.ts';
import { Gm } from './gms/entity.ts';
import { newUser, viewOf } from './rows.fixture.ts';

const CASES = 40;
const EXTRAS = 60;
/** The same in every run, so that what it finds is found again; `FUZZ_SEED` chooses another. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_120);
/** Traces of what lies inside; none of them may be in an answer. */
const INSIDE = /\$2b\$|node_modules|\.ts:\d|SQLSTATE|pg_catalog|larp_manager|insert into|select /u;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

let larp: RunningLarp;
let games: Awaited<ReturnType<typeof signInTwoGames>>;
let known: Known;
/** The token of each actor, and what they may never read. */
let actors: readonly { readonly token: string | undefined; readonly hidden: readonly string[] }[];

before(async () => {
  larp = await startLarp({ RATE_LIMIT: 'off' });
  games = await signInTwoGames(larp);
  const { north, south, users, tokens } = games;
  const victim = newUser('victim');
  const extras = Array.from({ length: EXTRAS }, (_, number) => newUser(`extra${number}`));
  const spare = new Gm({ gameId: north.game.id, userId: victim.id });
  await viewOf(larp.database, { userId: users.root.id, isSuperuser: true }).work((unit) => {
    unit.users.addMany([victim, ...extras]);
    unit.gms.add(spare);
  });
  known = {
    game_id: [north.game.id, north.game.id, south.game.id],
    user_id: extras.map(({ id }) => id),
    player_id: [north.annPlays.id, north.bobPlays.id, south.catPlays.id],
    character_ids: [north.astrid.id, north.bjarne.id, north.cnut.id],
    group_ids: [north.crew.id],
    character_group_ids: [north.crew.id, south.court.id],
    plot_ids: [north.raid.id, north.feud.id],
    games: [north.game.id, south.game.id],
    // A GM whose row may be moved and removed while those who ask stay what they are.
    gms: [spare.id],
    players: [north.annPlays.id, north.bobPlays.id],
    characters: [north.astrid.id, north.bjarne.id, north.cnut.id, south.ximena.id],
    'character-groups': [north.crew.id],
    plots: [north.raid.id, north.feud.id],
    users: [victim.id],
  };
  const ofNorth = [north.gm.id, north.annPlays.id, north.astrid.id, north.crew.id, north.raid.id].map((id) => `"id":"${id}"`);
  const ofSouth = [south.gm.id, south.catPlays.id, south.ximena.id, south.court.id, south.ball.id].map((id) => `"id":"${id}"`);
  actors = [
    { token: tokens.root, hidden: [] },
    { token: tokens.root, hidden: [] },
    { token: tokens.gerd, hidden: ofSouth },
    { token: tokens.gerd, hidden: ofSouth },
    { token: tokens.ann, hidden: [] },
    { token: tokens.bob, hidden: [...ofSouth, `"id":"${north.annPlays.id}"`] },
    { token: tokens.cat, hidden: ofNorth },
    { token: undefined, hidden: [...ofNorth, ...ofSouth] },
  ];
});

after(() => larp[Symbol.asyncDispose]());

/** The operations of resources and combined views, those that remove rows last. */
async function operationsOf(): Promise<{ readonly operations: readonly Operation[]; readonly components: JsonSchema }> {
  const { body } = await larp.call('GET', '/openapi.json', { isRoot: true });
  const components = parseObject(body['components']);
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(parseObject(body['paths']))) {
    if (!path.startsWith('/api/v1/') || path.startsWith('/api/v1/auth/') || path.startsWith('/api/v1/users/me')) continue;
    for (const [method, each] of Object.entries(parseObject(item)))
      operations.push(parseOperation(method, path, parseObject(closed(each, components, false))));
  }
  const last = (operation: Operation): number => (operation.method === 'delete' ? 1 : 0);
  return { operations: operations.toSorted((left, right) => last(left) - last(right)), components };
}

async function ask({ method, path }: Operation, draft: Draft): Promise<Answer> {
  const text = (value: unknown): string => {
    const written = Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    return encodeURIComponent(written.toWellFormed());
  };
  const url = path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => text(draft.path[name])).replace('/api/v1', '');
  const query = draft.query.map(([name, value]) => `${encodeURIComponent(name)}=${text(value)}`).join('&');
  return larp.call(parseMethod(method.toUpperCase()), query === '' ? url : `${url}?${query}`, {
    token: actors[draft.who]?.token,
    body: draft.body,
    headers: draft.headers,
  });
}

/** Holds answers against what the document says of an operation. */
function judgeOf(operation: Operation, components: JsonSchema): (answer: Answer, hidden: readonly string[]) => void {
  const checks = new Map<string, ReturnType<typeof Compile>>();
  for (const [status, response] of Object.entries(operation.responses)) {
    for (const [type, media] of Object.entries(parseObject(response['content'] ?? {}))) {
      checks.set(`${status} ${type}`, Compile(parseObject(closed(parseObject(media)['schema'] ?? {}, components, true))));
    }
  }
  return ({ status, headers, text }, hidden) => {
    assert.ok(status < 500, `${status}: ${text}`);
    assert.doesNotMatch(text, INSIDE);
    for (const trace of hidden) assert.ok(!text.includes(trace), `a row of another game is in ${text}`);
    const declared = operation.responses[String(status)];
    assert.ok(declared !== undefined, `${status} is not in the document: ${text}`);
    if (declared['content'] === undefined) return assert.equal(text, '', `${status} has a body`);
    const check = checks.get(`${status} ${String(headers['content-type']).split(';')[0] ?? ''}`);
    assert.ok(check !== undefined, `${status} of ${String(headers['content-type'])} is not in the document`);
    const body: unknown = JSON.parse(text);
    assert.ok(check.Check(body), `${JSON.stringify(check.Errors(body))} in ${text}`);
  };
}

// FND-4 FND-8 LRP-15
test(`${CASES} requests to each operation: no 5xx, every answer is in the document, and nobody reads a row of another game`, async (t) => {
  const { operations, components } = await operationsOf();
  assert.ok(operations.length >= 50, String(operations.length));
  const missed: string[] = [];
  for (const operation of operations) {
    await t.test(`${operation.method.toUpperCase()} ${operation.path}`, async (each) => {
      const judge = judgeOf(operation, components);
      const seen = new Map<number, number>();
      const [, , , one = ''] = operation.path.replace('/combined', '').split('/');
      const rows: Known = { ...known, ...(known[one] !== undefined && { id: known[one] }) };
      const property = fc.asyncProperty(requestsOf(operation, rows, actors.length), async (draft) => {
        const answer = await ask(operation, draft);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        judge(answer, actors[draft.who]?.hidden ?? []);
      });
      await fc.assert(property, { numRuns: CASES, seed: SEED });
      each.diagnostic([...seen].map(([status, count]) => `${status}: ${count}`).join(', '));
      // What is linked cannot be removed, and one that was removed is not there any more.
      const isReached = [...seen.keys()].some((status) => status < 300 || (operation.method === 'delete' && status === 409));
      if (!isReached) missed.push(`${operation.method} ${operation.path}`);
    });
  }
  assert.equal((await larp.call('GET', '/health/ready', { isRoot: true })).status, 200);
  // With another seed a body of many parts may never fit as a whole; with most operations it must.
  assert.ok(missed.length <= operations.length / 10, `no request has reached the handlers of ${missed.join(', ')}`);
});

/** A schema with its references put in; for answers every object closed: they hold what is declared and nothing else. */
function closed(value: unknown, components: JsonSchema, isClosed: boolean): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => closed(each, components, isClosed));
  if (typeof value !== 'object' || value === null) return value;
  const schema = parseObject(value);
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const steps = reference.split('/').slice(2);
    return closed(
      steps.reduce<unknown>((at, name) => parseObject(at)[name], components),
      components,
      isClosed,
    );
  }
  const inner = Object.entries(schema).map(([key, each]) => [key, key === 'examples' ? each : closed(each, components, isClosed)]);
  const isOpen = !isClosed || schema['type'] !== 'object' || schema['properties'] === undefined || 'additionalProperties' in schema;
  return { ...Object.fromEntries(inner), ...(isOpen ? {} : { additionalProperties: false }) };
}

function parseObject(value: unknown): JsonSchema {
  return value as JsonSchema;
}

function parseMethod(method: string): 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT' {
  return method as 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';
}

function parseOperation(method: string, path: string, operation: JsonSchema): Operation {
  const { parameters = [], requestBody, responses } = operation;
  const json = parseObject(parseObject(requestBody ?? {})['content'] ?? {})['application/json'];
  return {
    method,
    path,
    parameters: parameters as Operation['parameters'],
    body: json === undefined ? undefined : parseObject(parseObject(json)['schema']),
    responses: responses as Operation['responses'],
  };
}
