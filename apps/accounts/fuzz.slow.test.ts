/** A fuzzer over every operation of the app's own document: hostile or not, each request gets an answer that the document names. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { sql } from 'keelson/schema';
import { type TestApp, testApp } from 'keelson/testing';
import { Compile } from 'typebox/schema';
import { accounts } from './app.ts';
import { type Draft, type JsonSchema, Live, type Operation, requestsOf, type Who } from './fuzz.fixture.ts';
import type { Repositories } from './model.ts';
import type { Services } from './services.ts';
import type { Declarations } from './settings.ts';

const CASES = 500;
/** The same in every run, so that what it finds is found again; `FUZZ_SEED` chooses another. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_120);
const PASSWORD = 'correct horse battery';
/** Traces of what lies inside; none of them may be in an answer. */
const INSIDE = /\$2b\$|\$argon2|node_modules|\.ts:\d|SQLSTATE|pg_catalog|users_email_key|insert into|select /u;

/** Who asks: a user with a session. */
interface Actor {
  readonly email: string;
  readonly id: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  /** The key of another user, for what a superuser does. */
  readonly otherId: string;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

let app: TestApp<Repositories, Services, Declarations>;
let origin = '';
let actorsMade = 0;
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const actors = new Map<Who, Actor>();
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

before(async () => {
  process.on('unhandledRejection', note);
  app = await testApp(accounts, { environment: { RATE_LIMIT: 'off' } });
  origin = await app.server.listen({ host: '127.0.0.1', port: 0 });
});

after(async () => {
  agent.destroy();
  await app[Symbol.asyncDispose]();
  process.off('unhandledRejection', note);
});

async function ask({ method, path, headers, body }: Asked): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = http.request(`${origin}/`, { method, path, headers, agent }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
    );
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** A user who has just registered and logged in. */
async function newActor(who: Who): Promise<Actor> {
  actorsMade += 1;
  const email = `fuzz-${actorsMade}@example.com`;
  const headers = { 'content-type': 'application/json' };
  const body = Buffer.from(JSON.stringify({ email, password: PASSWORD }));
  const register = async (bytes: Buffer): Promise<string> => {
    const made = await ask({ method: 'POST', path: '/api/v1/auth/register', headers, body: bytes });
    assert.equal(made.status, 201, made.text);
    return String(parseRecord(made.text)['id']);
  };
  const id = await register(body);
  if (who === 'superuser')
    await app.database.work((unit) => unit.sql(sql`update accounts.users set is_superuser = true where email = ${email}`));
  const entered = await ask({ method: 'POST', path: '/api/v1/auth/login', headers, body });
  assert.equal(entered.status, 200, entered.text);
  const pair = parseRecord(entered.text);
  const accessToken = String(pair['access_token']);
  const [, claims = ''] = accessToken.split('.');
  const actor = {
    email,
    id,
    accessToken,
    refreshToken: String(pair['refresh_token']),
    sessionId: String(parseRecord(Buffer.from(claims, 'base64url').toString())['sid']),
    otherId: who === 'superuser' ? await register(Buffer.from(JSON.stringify({ email: `other-${email}`, password: PASSWORD }))) : id,
  };
  actors.set(who, actor);
  return actor;
}

/** The operations of the document, read from it as any client would. */
async function operationsOf(): Promise<{ readonly operations: readonly Operation[]; readonly components: JsonSchema }> {
  const document = parseRecord((await ask({ method: 'GET', path: '/openapi.json', headers: {}, body: undefined })).text);
  const components = parseObject(document['components']);
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(parseObject(document['paths']))) {
    for (const [method, each] of Object.entries(parseObject(item)))
      operations.push(parseOperation(method, path, parseObject(closed(each, components, false))));
  }
  return { operations, components };
}

/** Puts in what lives, and writes the request as it goes over the wire. */
function requestOf({ method, path }: Operation, draft: Draft, actor: Actor): Asked {
  const values: Readonly<Record<string, string>> = {
    email: actor.email,
    password: PASSWORD,
    refresh_token: actor.refreshToken,
    id: path.includes('/sessions/') ? actor.sessionId : actor.otherId,
  };
  const put = (value: unknown): unknown => {
    if (value instanceof Live) return values[value.name];
    if (Array.isArray(value)) return value.map(put);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, put(each)]));
  };
  const text = (value: unknown): string => {
    const known = put(value);
    return encodeURIComponent((typeof known === 'string' ? known : (JSON.stringify(known) ?? '')).toWellFormed());
  };
  const filled = path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => text(draft.path[name]));
  const query = draft.query.map(([name, value]) => `${encodeURIComponent(name)}=${text(value)}`).join('&');
  const headers: Record<string, string> = { ...draft.headers };
  if (draft.who === 'forged') headers['authorization'] = `Bearer ${actor.accessToken.slice(0, -3)}AAA`;
  else if (draft.who !== 'nobody') headers['authorization'] = `Bearer ${actor.accessToken}`;
  const body = writeBody(draft.body, put, headers);
  if (body !== undefined) headers['content-length'] = String(body.length);
  return { method: method.toUpperCase(), path: query === '' ? filled : `${filled}?${query}`, headers, body };
}

function writeBody(body: Draft['body'], put: (value: unknown) => unknown, headers: Record<string, string>): Buffer | undefined {
  if (body.kind === 'none') return undefined;
  if (body.kind === 'bytes') {
    headers['content-type'] = body.type;
    return Buffer.from(body.bytes);
  }
  const value = put(body.value);
  if (body.kind === 'json') {
    headers['content-type'] = 'application/json';
    return Buffer.from(JSON.stringify(value) ?? '');
  }
  headers['content-type'] = 'application/x-www-form-urlencoded';
  const fields = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Buffer.from(new URLSearchParams(fields.map(([key, each]) => [key, String(each)])).toString());
}

/** Holds answers against what the document says of an operation. */
function judgeOf(operation: Operation, components: JsonSchema): (answer: Answer) => void {
  const checks = new Map<string, ReturnType<typeof Compile>>();
  for (const [status, response] of Object.entries(operation.responses)) {
    for (const [type, media] of Object.entries(parseObject(response['content'] ?? {}))) {
      const schema = parseObject(parseObject(media)['schema'] ?? {});
      checks.set(`${status} ${type}`, Compile(parseObject(closed(schema, components, true))));
    }
  }
  return ({ status, headers, text }) => {
    assert.ok(status < 500, `${status}: ${text}`);
    assert.doesNotMatch(text, INSIDE);
    assert.match(String(headers['x-request-id']), /^[A-Za-z0-9._-]{8,128}$/u);
    const declared = operation.responses[String(status)];
    assert.ok(declared !== undefined, `${status} is not in the document: ${text}`);
    const content = Object.keys(parseObject(declared['content'] ?? {}));
    if (content.length === 0) return assert.equal(text, '', `${status} has a body`);
    const type = String(headers['content-type']).split(';')[0] ?? '';
    const check = checks.get(`${status} ${type}`);
    assert.ok(check !== undefined, `${status} of ${type} is not in the document`);
    const body: unknown = JSON.parse(text);
    assert.ok(check.Check(body), `${JSON.stringify(check.Errors(body))} in ${text}`);
    if (status < 400) return undefined;
    const problem = parseObject(body);
    assert.equal(problem['status'], status);
    assert.equal(problem['request_id'], headers['x-request-id']);
    const codes = Object.keys(parseObject(parseObject(parseObject(declared['content'])[type])['examples'] ?? {}));
    assert.ok(codes.includes(String(problem['error'])), `${String(problem['error'])} is not among ${codes.join(', ')} of ${status}`);
  };
}

/** A schema with its references put in; for answers every object closed: they hold what is declared and nothing else. */
function closed(value: unknown, components: JsonSchema, isClosed: boolean): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => closed(each, components, isClosed));
  if (typeof value !== 'object' || value === null) return value;
  const schema = parseObject(value);
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const target = reference
      .split('/')
      .slice(2)
      .reduce<unknown>((at, name) => parseObject(at)[name], components);
    return closed(target, components, isClosed);
  }
  const inner = Object.entries(schema).map(([key, each]) => [key, key === 'examples' ? each : closed(each, components, isClosed)]);
  const isOpen = !isClosed || schema['type'] !== 'object' || schema['properties'] === undefined || 'additionalProperties' in schema;
  return { ...Object.fromEntries(inner), ...(isOpen ? {} : { additionalProperties: false }) };
}

// FND-4 INF-9 INF-10 LRP-8
test(`${CASES} requests to each operation of the document: no 5xx, and every answer is one that the document names`, async (t) => {
  const { operations, components } = await operationsOf();
  assert.ok(operations.length >= 6, String(operations.length));
  for (const operation of operations) {
    const name = `${operation.method.toUpperCase()} ${operation.path}`;
    await t.test(name, async (each) => {
      const judge = judgeOf(operation, components);
      const seen = new Map<number, number>();
      const property = fc.asyncProperty(requestsOf(operation), async (draft) => {
        const who = draft.who === 'superuser' ? 'superuser' : 'user';
        const actor = actors.get(who) ?? (await newActor(who));
        const asked = requestOf(operation, draft, actor);
        const answer = await ask(asked);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        judge(answer);
        // What was changed, or ended, is not what this actor knows any more.
        const hasChanged = asked.method !== 'GET' && (answer.status < 300 || [401, 403, 429].includes(answer.status));
        if (hasChanged) actors.delete(who);
      });
      await fc.assert(property, { numRuns: CASES, seed: SEED });
      each.diagnostic(
        [...seen]
          .toSorted(([left], [right]) => left - right)
          .map(([status, count]) => `${status}: ${count}`)
          .join(', '),
      );
      assert.ok(
        [...seen.keys()].some((status) => status < 300),
        'no request has succeeded: the fuzzer does not reach the handler',
      );
    });
  }
  assert.equal((await ask({ method: 'GET', path: '/health/ready', headers: {}, body: undefined })).status, 200);
  assert.deepEqual(unhandled, []);
});

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  return value as Readonly<Record<string, unknown>>;
}

function parseOperation(method: string, path: string, operation: Readonly<Record<string, unknown>>): Operation {
  const { parameters = [], requestBody, responses } = operation;
  const content = parseObject(parseObject(requestBody ?? {})['content'] ?? {});
  const bodies = Object.entries(content).map(([type, media]) => [type, parseObject(parseObject(media)['schema'])] as const);
  return {
    method,
    path,
    parameters: parameters as Operation['parameters'],
    bodies: new Map(bodies),
    responses: responses as Operation['responses'],
  };
}
