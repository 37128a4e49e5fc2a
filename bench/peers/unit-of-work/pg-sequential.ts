/** `pg` by hand as most write it: a pool, named statements, one after another. */
import pg from 'pg';
import { nextStatus, POOL_SIZE, serveContender } from '../../unit-of-work-contender.ts';
import { attach, selectMany, selectOne, sorted, updateMany, updateOne, type TokenRow } from './sql.ts';

let pool: pg.Pool;

async function transaction<T>(block: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await block(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

async function load(client: pg.PoolClient, id: string): Promise<TokenRow> {
  const { rows } = await client.query<TokenRow>({ ...selectOne, values: [id] });
  const [token] = rows;
  if (token === undefined) throw new Error(`no token ${id}`);
  return token;
}

serveContender({
  async open(connectionString) {
    pool = new pg.Pool({ connectionString, max: POOL_SIZE });
  },
  loadOne: (id) =>
    transaction(async (client) => {
      const token = await load(client, id);
      token.status = nextStatus(token.status);
      const { rowCount } = await client.query({ ...updateOne, values: [id, token.status, token.version] });
      if (rowCount !== 1) throw new Error(`${id} was changed meanwhile`);
    }),
  loadHundred: (ids) =>
    transaction(async (client) => {
      const { rows } = await client.query<TokenRow>({ ...selectMany, values: [ids] });
      const tokens = sorted(rows);
      for (const token of tokens) token.status = nextStatus(token.status);
      const values = [tokens.map((token) => token.id), tokens.map((token) => token.status), tokens.map((token) => token.version)];
      const { rowCount } = await client.query({ ...updateMany, values });
      if (rowCount !== tokens.length) throw new Error('a token was changed meanwhile');
    }),
  read: (id) => transaction((client) => load(client, id)),
  empty: () => transaction(async () => {}),
  attach: (id, imagePath) => pool.query({ ...attach, values: [id, imagePath] }),
});
