/** GLISK's migrations, moves and times, measured in a process of their own. */
import { join } from 'node:path';
import { isKeelsonError } from 'keelson/errors';
import { silentLog } from 'keelson/log';
import { Migrator, readRevisions } from 'keelson/migrate';
import { Connection, connectPostgres, type Postgres } from 'keelson/postgres';
import { sql } from 'keelson/schema';
import { type Database, openDatabase } from 'keelson/work';
import { authors } from '../../apps/glisk/authors/table.ts';
import { model, type Repositories } from '../../apps/glisk/model.ts';
import { newAuthor, newTokens } from '../../apps/glisk/rows.fixture.ts';
import type { Token } from '../../apps/glisk/tokens/entity.ts';
import { tokens as tokensTable } from '../../apps/glisk/tokens/table.ts';
import { tokenLifeCycle } from '../../apps/glisk/tokens/state.ts';
import { answerCalls } from '../calls.ts';
import type { GliskFigures } from '../glisk-figures.ts';

const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi';
const states = ['detected', 'generating', 'uploading', 'ready', 'revealed', 'failed'] as const;
/** Around the change of clocks in several zones, the end of a year, and the microseconds that JavaScript has not. */
const TIMES = ['2026-03-08T07:30:00.000Z', '2026-10-25T00:59:59.999Z', '2026-12-31T23:59:59.999Z', '1999-07-04T12:00:00.123Z'];

const moves: Readonly<Record<Exclude<Token['status'], 'detected'>, (token: Token) => void>> = {
  generating: (token) => token.markGenerating(),
  uploading: (token) => token.markUploading('/pictures/1.png'),
  ready: (token) => token.markReady(CID),
  revealed: (token) => token.markRevealed('0xabc'),
  failed: (token) => token.markFailed({ code: 'BENCH' }),
};

let postgres: Postgres | undefined;
let database: Database<Repositories> | undefined;

async function open(url: string): Promise<Database<Repositories>> {
  postgres ??= await connectPostgres({ url, poolSize: 2, log: silentLog });
  database ??= openDatabase(model, postgres, { log: silentLog });
  return database;
}

async function figures(url: string, rounds: number): Promise<GliskFigures> {
  const revisions = await readRevisions(join(import.meta.dirname, '..', '..', 'apps', 'glisk', 'migrations'));
  const upMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const connection = await Connection.open({ connectionString: url });
    await connection.command(`drop schema if exists ${model.namespace} cascade`);
    const startedMs = performance.now();
    await new Migrator({ connection, revisions, namespace: model.namespace }).up();
    upMs.push(performance.now() - startedMs);
    await connection.close();
  }
  return { upMs, ...tryMoves() };
}

/** Every state against every named move. */
function tryMoves(): Omit<GliskFigures, 'upMs'> {
  const counted = { forbidden: 0, refused: 0, allowed: 0 };
  for (const from of states) {
    const known: readonly string[] = tokenLifeCycle.edges[from];
    for (const [to, move] of Object.entries(moves)) {
      const [token] = newTokens(newAuthor(), { count: 1, status: from });
      if (token === undefined) continue;
      if (!known.includes(to)) counted.forbidden += 1;
      try {
        move(token);
        if (known.includes(to)) counted.allowed += 1;
      } catch (error) {
        if (!isKeelsonError(error)) throw error;
        if (!known.includes(to) && token.status === from) counted.refused += 1;
      }
    }
  }
  return counted;
}

/** What is stored and what comes back, written by a process that lives in a time zone. */
async function zone(url: string, name: string): Promise<string> {
  process.env['TZ'] = name;
  const all = await open(url);
  const author = newAuthor();
  const tokens = newTokens(author, { count: TIMES.length });
  for (const [place, token] of tokens.entries()) token.mintTimestamp = new Date(TIMES[place] ?? 0);
  const seen = await all.work(async (unit) => {
    unit.authors.add(author);
    unit.tokens.addMany(tokens);
    await unit.flush();
    const stored = await unit.sql(
      sql<{
        readonly at: string;
      }>`select (extract(epoch from mint_timestamp) * 1000)::bigint::text as at from ${tokensTable} order by token_id`,
    );
    return stored.map(({ at }) => at);
  });
  const loaded = await all.work((unit) => unit.tokens.list({}, { orderBy: 'tokenId' }));
  const read = await all.read((reader) => reader.tokens.list({}, { orderBy: 'tokenId' }));
  const times = loaded.map(({ mintTimestamp }) => mintTimestamp.toISOString());
  await all.work((unit) => unit.sql(sql`delete from ${tokensTable}`));
  await all.work((unit) => unit.sql(sql`delete from ${authors}`));
  return JSON.stringify({ seen, times, read: read.map(({ mintTimestamp }) => mintTimestamp) });
}

answerCalls({
  figures: (argument) => {
    const { url, rounds } = parseOrder(argument);
    return figures(url, rounds);
  },
  zone: (argument) => {
    const { url, zone: name } = parseOrder(argument);
    return zone(url, name);
  },
  close: () => postgres?.close(),
});

function parseOrder(argument: unknown): { readonly url: string; readonly rounds: number; readonly zone: string } {
  return argument as { url: string; rounds: number; zone: string };
}
