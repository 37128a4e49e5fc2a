/** Kysely with an identity map and a comparison of our own, as it is normally used: begin, select, update, commit. */
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { nextStatus, POOL_SIZE, serveContender } from '../../unit-of-work-contender.ts';
import type { TokenRow } from './sql.ts';
import { Tracked } from './tracked.ts';

interface Schema {
  tokens: TokenRow;
}

let database: Kysely<Schema>;

/** One block: what was loaded in it, and what of it has to be written at its end. */
class Unit {
  readonly #transaction: Transaction<Schema>;
  readonly #tokens = new Tracked<TokenRow>();

  constructor(transaction: Transaction<Schema>) {
    this.#transaction = transaction;
  }

  async get(id: string): Promise<TokenRow> {
    const known = this.#tokens.get(id);
    if (known !== undefined) return known;
    return this.#tokens.add(await this.#select().where('id', '=', id).executeTakeFirstOrThrow());
  }

  async list(ids: readonly string[]): Promise<TokenRow[]> {
    const rows = await this.#select().where('id', 'in', ids).execute();
    return rows.map((row) => this.#tokens.add(row));
  }

  async flush(): Promise<void> {
    const changed = this.#tokens.changed();
    const [first] = changed;
    if (first === undefined) return;
    if (changed.length === 1) {
      const { numUpdatedRows } = await this.#transaction
        .updateTable('tokens')
        .set({ ...first.changes, version: first.row.version + 1 })
        .where('id', '=', first.row.id)
        .where('version', '=', first.row.version)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new Error(`${first.row.id} was changed meanwhile`);
      return;
    }
    const rows = changed.map(({ row }) => row);
    const { numAffectedRows } = await sql`
      update tokens t set status = c.status, version = t.version + 1
      from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.status)}::token_status[], ${rows.map((row) => row.version)}::int[])
        as c (id, status, version)
      where t.id = c.id and t.version = c.version`.execute(this.#transaction);
    if (numAffectedRows !== BigInt(rows.length)) throw new Error('a token was changed meanwhile');
  }

  #select() {
    return this.#transaction
      .selectFrom('tokens')
      .select(['id', 'token_id', 'author_id', 'status', 'mint_timestamp', 'image_path', 'metadata_cid', 'attempts', 'error_data', 'created_at', 'version']);
  }
}

function work<T>(block: (unit: Unit) => Promise<T>): Promise<T> {
  return database.transaction().execute(async (transaction) => {
    const unit = new Unit(transaction);
    const result = await block(unit);
    await unit.flush();
    return result;
  });
}

serveContender({
  async open(connectionString) {
    database = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: POOL_SIZE }) }) });
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
  attach: (id, imagePath) => database.updateTable('tokens').set({ image_path: imagePath }).where('id', '=', id).execute(),
});
