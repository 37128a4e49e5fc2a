/** The limit: `pg` by hand, named statements, pipelined and corked, COMMIT sent in the same packet as the UPDATE. */
import pg from 'pg';
import { nextStatus, POOL_SIZE, serveContender } from '../../unit-of-work-contender.ts';
import { attach, selectMany, selectOne, sorted, updateMany, updateOne, type TokenRow } from './sql.ts';

type Client = pg.Client;
const free: Client[] = [];

/** What is written before the next tick leaves in one packet. */
function cork(client: Client): void {
  const { stream } = (client as unknown as { connection: { stream: import('node:net').Socket } }).connection;
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

function take(): Client {
  const client = free.pop();
  if (client === undefined) throw new Error('more callers than connections');
  return client;
}

async function commit(client: Client, ...before: Promise<unknown>[]): Promise<void> {
  const [{ command }] = await Promise.all([client.query('commit'), ...before]);
  if (command !== 'COMMIT') throw new Error(command);
}

async function begin(client: Client, statement: pg.QueryConfig): Promise<TokenRow[]> {
  cork(client);
  const [, { rows }] = await Promise.all([client.query('begin'), client.query<TokenRow>(statement)]);
  return rows;
}

serveContender({
  async open(connectionString) {
    for (let index = 0; index < POOL_SIZE; index += 1) {
      const client = new pg.Client({ connectionString, pipeline: true } as pg.ClientConfig);
      await client.connect();
      free.push(client);
    }
  },
  async loadOne(id) {
    const client = take();
    const [token] = await begin(client, { ...selectOne, values: [id] });
    if (token === undefined) throw new Error(`no token ${id}`);
    token.status = nextStatus(token.status);
    cork(client);
    await commit(client, client.query({ ...updateOne, values: [id, token.status, token.version] }));
    free.push(client);
  },
  async loadHundred(ids) {
    const client = take();
    const tokens = sorted(await begin(client, { ...selectMany, values: [ids] }));
    for (const token of tokens) token.status = nextStatus(token.status);
    const values = [tokens.map((token) => token.id), tokens.map((token) => token.status), tokens.map((token) => token.version)];
    cork(client);
    await commit(client, client.query({ ...updateMany, values }));
    free.push(client);
  },
  async read(id) {
    const client = take();
    const [token] = await begin(client, { ...selectOne, values: [id] });
    await commit(client);
    free.push(client);
    return token;
  },
  async empty() {
    const client = take();
    cork(client);
    await commit(client, client.query('begin'));
    free.push(client);
  },
  async attach(id, imagePath) {
    const client = take();
    cork(client);
    await client.query({ ...attach, values: [id, imagePath] });
    free.push(client);
  },
});
