/** Keelson in the unit-of-work benchmark, as an app would write it. */
import { silentLog } from 'keelson/log';
import { connectPostgres } from 'keelson/postgres';
import { createdAt, enumType, index, integer, jsonb, lifeCycle, table, text, timestamptz, uuid, varchar, version } from 'keelson/schema';
import { type Database, defineModel, entity, openDatabase, repository } from 'keelson/work';
import { nextStatus, POOL_SIZE, serveContender } from '../unit-of-work-contender.ts';

const tokenStatus = enumType('token_status', ['detected', 'generating', 'uploading', 'ready', 'failed']);

const tokens = table(
  'tokens',
  {
    id: uuid().primaryKey(),
    tokenId: integer().unique(),
    authorId: uuid(),
    status: tokenStatus().default('detected'),
    mintTimestamp: timestamptz(),
    imagePath: text().nullable(),
    metadataCid: varchar(255).nullable(),
    attempts: integer().default(0),
    errorData: jsonb().nullable(),
    createdAt: createdAt(),
    version: version(),
  },
  (t) => [index(t.status, t.mintTimestamp), index(t.authorId)],
);

// Round and round: a run never comes to an end.
const tokenLifeCycle = lifeCycle(tokens.status, {
  detected: ['generating', 'failed'],
  generating: ['detected', 'uploading', 'failed'],
  uploading: ['ready', 'failed'],
  ready: [],
  failed: [],
});

class Token extends entity(tokens, tokenLifeCycle) {
  advance(): void {
    this.move(nextStatus(this.status));
  }
}

class TokenRepository extends repository(Token) {}

const model = defineModel({ name: 'bench', tables: [tokens], repositories: { tokens: TokenRepository } });

let database: Database<{ tokens: typeof TokenRepository }>;

serveContender({
  open: async (url) => {
    database = openDatabase(model, await connectPostgres({ url, poolSize: POOL_SIZE, log: silentLog }), { log: silentLog });
  },
  loadOne: (id) =>
    database.work(async ({ tokens: all }) => {
      const token = await all.get(id);
      token.advance();
    }),
  loadHundred: (ids) =>
    database.work(async ({ tokens: all }) => {
      for (const token of await all.list({ id: ids }, { limit: ids.length })) token.advance();
    }),
  read: (id) => database.work(({ tokens: all }) => all.get(id)),
  empty: () => database.work(() => {}),
  attach: (id, imagePath) => database.work(({ tokens: all }) => all.update(id, { imagePath })),
});
