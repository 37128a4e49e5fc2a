/** Drizzle with an identity map and a comparison of our own, as it is normally used: statements built at each call. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { integer, jsonb, pgEnum, pgTable, text, timestamp, uuid, varchar } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { nextStatus, POOL_SIZE, serveContender } from '../../unit-of-work-contender.ts';
import { Tracked } from './tracked.ts';

const tokenStatus = pgEnum('token_status', ['detected', 'generating', 'uploading', 'ready', 'failed']);

const tokens = pgTable('tokens', {
  id: uuid('id').primaryKey(),
  tokenId: integer('token_id').notNull(),
  authorId: uuid('author_id').notNull(),
  status: tokenStatus('status').notNull(),
  mintTimestamp: timestamp('mint_timestamp', { withTimezone: true }).notNull(),
  imagePath: text('image_path'),
  metadataCid: varchar('metadata_cid', { length: 255 }),
  attempts: integer('attempts').notNull(),
  errorData: jsonb('error_data'),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  version: integer('version').notNull(),
});

type Token = typeof tokens.$inferSelect;
type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0];

let database: NodePgDatabase;

/** One block: what was loaded in it, and what of it has to be written at its end. */
class Unit {
  readonly #transaction: Transaction;
  readonly #tokens = new Tracked<Token>();

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  async get(id: string): Promise<Token> {
    const known = this.#tokens.get(id);
    if (known !== undefined) return known;
    const [token] = await this.#transaction.select().from(tokens).where(eq(tokens.id, id));
    if (token === undefined) throw new Error(`no token ${id}`);
    return this.#tokens.add(token);
  }

  async list(ids: readonly string[]): Promise<Token[]> {
    const rows = await this.#transaction
      .select()
      .from(tokens)
      .where(inArray(tokens.id, [...ids]));
    return rows.map((row) => this.#tokens.add(row));
  }

  async flush(): Promise<void> {
    const changed = this.#tokens.changed();
    const [first] = changed;
    if (first === undefined) return;
    if (changed.length === 1) {
      const { rowCount } = await this.#transaction
        .update(tokens)
        .set({ ...first.changes, version: first.row.version + 1 })
        .where(and(eq(tokens.id, first.row.id), eq(tokens.version, first.row.version)));
      if (rowCount !== 1) throw new Error(`${first.row.id} was changed meanwhile`);
      return;
    }
    const rows = changed.map(({ row }) => row);
    const { rowCount } = await this.#transaction.execute(sql`
      update tokens t set status = c.status, version = t.version + 1
      from unnest(
        ${sql.param(rows.map((row) => row.id))}::uuid[], ${sql.param(rows.map((row) => row.status))}::token_status[],
        ${sql.param(rows.map((row) => row.version))}::int[]
      ) as c (id, status, version)
      where t.id = c.id and t.version = c.version`);
    if (rowCount !== rows.length) throw new Error('a token was changed meanwhile');
  }
}

function work<T>(block: (unit: Unit) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    const unit = new Unit(transaction);
    const result = await block(unit);
    await unit.flush();
    return result;
  });
}

serveContender({
  async open(connectionString) {
    database = drizzle(new pg.Pool({ connectionString, max: POOL_SIZE }));
  },
  loadOne: (id) =>
    work(async (unit) => {
      const token = await unit.get(id);
      token.status = nextStatus(token.status);
    }),
  loadHundred: (ids) =>
    work(async (unit) => {
      for (const token of await unit.list(ids)) token.status = nextStatus(token.status);
    }),
  read: (id) => work((unit) => unit.get(id)),
  empty: () => work(async () => {}),
  attach: (id, imagePath) => database.update(tokens).set({ imagePath }).where(eq(tokens.id, id)),
});
