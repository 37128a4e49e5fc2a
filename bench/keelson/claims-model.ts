/** Tokens and jobs, as an app of Keelson would have them, for the benchmark of claims. */
import { JobRepository, jobs, leaseColumns, leaseIndex, queuePauses, schedules, workers } from 'keelson/queue';
import { createdAt, enumType, index, integer, lifeCycle, renderSchema, table, text, timestamptz, uuid, varchar } from 'keelson/schema';
import { defineModel, entity, repository } from 'keelson/work';

const tokenStatus = enumType('token_status', ['detected', 'generating', 'uploading', 'failed']);

export const tokens = table(
  'tokens',
  {
    id: uuid().primaryKey(),
    tokenId: integer().unique(),
    authorId: uuid(),
    status: tokenStatus().default('detected'),
    mintTimestamp: timestamptz(),
    imagePath: text().nullable(),
    metadataCid: varchar(255).nullable(),
    createdAt: createdAt(),
    ...leaseColumns(),
  },
  (t) => [index(t.status, t.mintTimestamp), index(t.authorId), leaseIndex(t)],
);

const tokenLifeCycle = lifeCycle(
  tokens.status,
  { detected: ['generating', 'failed'], generating: ['uploading', 'failed'], uploading: [], failed: [] },
  { redrive: { generating: ['detected'] } },
);

class Token extends entity(tokens, tokenLifeCycle) {
  markGenerating(): void {
    this.move('generating');
  }

  markUploading(): void {
    this.move('uploading');
  }

  markFailed(): void {
    this.move('failed');
  }
}

class TokenRepository extends repository(Token) {}

export const model = defineModel({
  name: 'bench',
  tables: [tokens, jobs, schedules, queuePauses, workers],
  repositories: { tokens: TokenRepository, jobs: JobRepository },
});

/** The repositories of the benchmark. */
export type Repos = typeof model.repositories;

/** What makes its tables. */
export const claimsTables: readonly string[] = renderSchema(model.tables, model.namespace).up;

/** What leaves so many tokens waiting, as a table looks that autovacuum has been at. */
export function tokensWaiting(count: number): readonly string[] {
  return [
    'truncate bench.tokens',
    `insert into bench.tokens (id, token_id, author_id, mint_timestamp)
     select uuidv7(), n, '01936f2a-0000-7000-8000-000000000001', timestamptz '2026-01-01' + n * interval '1 ms' from generate_series(1, ${count}) as n`,
    'vacuum (analyze) bench.tokens',
    'checkpoint',
  ];
}

/** What leaves so many jobs waiting. */
export function jobsWaiting(count: number): readonly string[] {
  return [
    'truncate bench.jobs',
    `insert into bench.jobs (id, queue, kind, payload, attempts_max)
     select uuidv7(), kind, kind, jsonb_build_object('n', n), 10 from generate_series(1, ${count}) as n, (select 'plain' as kind) as k`,
    'vacuum (analyze) bench.jobs',
    'checkpoint',
  ];
}
