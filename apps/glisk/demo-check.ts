/** What must hold when the demo has ended: nothing lost, nothing done twice. */
import { sql } from 'keelson/schema';
import type { Database } from 'keelson/work';
import type { Repositories } from './model.ts';

/** Something that must hold. */
export interface Check {
  readonly holds: boolean;
  readonly text: string;
}

interface Found {
  readonly tokens: string;
  readonly revealed: string;
  readonly held: string;
  readonly shown: string;
  readonly shownOnce: string;
  readonly drawn: string;
  readonly again: string;
  readonly cids: string;
}

/** Looks at the tables. */
export async function checkEnd(database: Database<Repositories>, total: number): Promise<readonly Check[]> {
  const [found] = await database.read(({ sql: run }) =>
    run(sql<Found>`
      select
        (select count(*) from glisk.tokens_s0) as tokens,
        (select count(*) from glisk.tokens_s0 where status = 'revealed') as revealed,
        (select count(*) from glisk.tokens_s0 where lease_owner is not null) as held,
        (select count(*) from glisk.reveal_transactions r, unnest(r.token_ids) where r.status = 'confirmed') as shown,
        (select count(distinct t) from glisk.reveal_transactions r, unnest(r.token_ids) t where r.status = 'confirmed') as "shownOnce",
        (select count(*) from glisk.image_generation_jobs where status = 'completed') as drawn,
        (select count(*) from glisk.image_generation_jobs where retry_count > 0) as again,
        (select count(distinct metadata_cid) from glisk.tokens_s0) as cids
    `),
  );
  const failures = await database.read(({ sql: run }) =>
    run(sql<{ readonly why: string; readonly tokens: string }>`
      select coalesce(error_data ->> 'message', 'no reason') as why, count(*) as tokens
      from glisk.tokens_s0
      where status = 'failed'
      group by 1
      order by 2 desc
      limit 10
    `),
  );
  const is = (value: string | undefined, expected: number): boolean => Number(value) === expected;
  return [
    { holds: is(found?.tokens, total), text: `${found?.tokens} tokens are there, of ${total} that were minted.` },
    { holds: is(found?.revealed, total), text: `${found?.revealed} of them are revealed.` },
    { holds: is(found?.held, 0), text: 'No token is held by anybody any more.' },
    {
      holds: is(found?.shown, total) && is(found?.shownOnce, total),
      text: `The chain has confirmed ${found?.shown} reveals, of ${found?.shownOnce} different tokens: none twice.`,
    },
    {
      holds: is(found?.drawn, total),
      text: `${found?.drawn} pictures were drawn; ${found?.again} of them were taken up again after the kill.`,
    },
    ...failures.map(({ why, tokens }) => ({ holds: false, text: `${tokens} failed: ${why}` })),
    { holds: is(found?.cids, total), text: `${found?.cids} different CIDs of metadata.` },
  ];
}
