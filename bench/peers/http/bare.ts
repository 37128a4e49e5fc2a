/** The reference: `node:http` and `pg` by hand, a pool and named statements. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { POOL_SIZE, serveHttpContender, USERS } from '../../http-contender.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const columns = 'id, email, full_name, is_active, created_at, updated_at';
const get = { name: 'get', text: `select ${columns} from users where id = $1` };
const add = { name: 'add', text: `insert into users (email, full_name) values ($1, $2) returning ${columns}` };

let pool: pg.Pool;

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function getUser(id: string, response: ServerResponse): Promise<void> {
  if (!uuid.test(id)) return answer(response, 422, { message: 'the id is not a UUID' });
  const { rows } = await pool.query({ ...get, values: [id] });
  return rows.length === 0 ? answer(response, 404, { message: 'no such user' }) : answer(response, 200, rows[0]);
}

async function addUser(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { email, full_name: fullName } = JSON.parse(Buffer.concat(chunks).toString());
  if (typeof email !== 'string' || email.length > 255 || typeof fullName !== 'string' || fullName.length > 255) {
    return answer(response, 422, { message: 'email and full_name are wanted' });
  }
  const { rows } = await pool.query({ ...add, values: [email, fullName] });
  return answer(response, 201, rows[0]);
}

function route(request: IncomingMessage, response: ServerResponse): Promise<void> | void {
  const { url = '', method } = request;
  if (method === 'GET' && url.startsWith(`${USERS}/`)) return getUser(url.slice(USERS.length + 1), response);
  if (method === 'POST' && url === USERS) return addUser(request, response);
  if (method === 'GET' && url === '/health') return answer(response, 200, { status: 'ok' });
  return answer(response, 404, { message: 'nothing here' });
}

serveHttpContender(async (connectionString) => {
  pool = new pg.Pool({ connectionString, max: POOL_SIZE });
  const server = createServer((request, response) => {
    Promise.resolve(route(request, response)).catch((error: Error) => answer(response, 500, { message: error.message }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
});
