/** A client as a frontend writes it: typed by the document alone, it registers, logs in and asks who it is. */
import createClient from 'openapi-fetch';
import type { components, paths } from './dist/api.d.ts';

type Problem = components['schemas']['Problem'];

declare const process: { readonly argv: readonly string[] };
declare const console: { log(text: string): void };

const [, , origin = ''] = process.argv;
const client = createClient<paths>({ baseUrl: origin });
const person = { email: 'ada@example.com', password: 'correct horse battery' };

const registered = await client.POST('/api/v1/auth/register', { body: { ...person, full_name: 'Ada Lovelace' } });
const { data: pair } = await client.POST('/api/v1/auth/login', { body: person });
const headers = { authorization: `Bearer ${pair?.access_token ?? ''}` };
const { data: me } = await client.GET('/api/v1/users/me', { headers });
const { data: renamed } = await client.PATCH('/api/v1/users/me', { headers, body: { full_name: null } });
const { error: refused, response } = await client.GET('/api/v1/users/me', {});
const problem: Problem | undefined = refused;

// What the document does not have does not compile.
// @ts-expect-error a user has no password in an answer
me?.password_hash;
// @ts-expect-error a full name is text or null
void (() => client.PATCH('/api/v1/users/me', { headers, body: { full_name: 1 } }));
type Registration = paths['/api/v1/auth/register']['post']['requestBody']['content']['application/json'];
// @ts-expect-error nobody becomes a superuser by saying so
void ({ ...person, is_superuser: true } satisfies Registration);
// @ts-expect-error there is no such call
void (() => client.GET('/api/v1/users/nobody', {}));

console.log(
  JSON.stringify({
    registered: registered.response.status,
    type: pair?.token_type,
    email: me?.email,
    name: me?.full_name,
    renamed: renamed?.full_name,
    status: response.status,
    error: problem?.error,
  }),
);
