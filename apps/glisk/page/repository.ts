/** What the page asks of the tokens; each question walks an index from one of its ends, however many tokens there are. */
import { workers } from 'keelson/queue';
import { type Sql, sql } from 'keelson/schema';
import { authors } from '../authors/table.ts';
import { isStuck, tokens } from '../tokens/table.ts';

/** A picture that is stored. */
export interface PictureRow {
  readonly id: string;
  readonly token_id: number;
  readonly status: string;
  readonly cid: string;
  readonly prompt: string;
}

/** A token that failed, or that nobody works on. */
export interface TroubleRow {
  readonly kind: 'failed' | 'stuck';
  readonly id: string;
  readonly token_id: number;
  readonly status: string;
  readonly attempts: number;
  readonly message: string | null;
  /** UTC, to the minute. */
  readonly since: string | null;
}

/** How many worker processes were heard of in the last two seconds; each says so several times a second. */
export function selectWorkers(): Sql<{ readonly rows: string }> {
  return sql<{ readonly rows: string }>`
    select count(*) as rows from ${workers} where lost_at is null and heartbeat_at > now() - interval '2 seconds'
  `;
}

/** The newest mints whose picture is stored. */
export function selectNewestPictures(limit: number): Sql<PictureRow> {
  // One walk for each state: their index has the state first.
  return sql<PictureRow>`
    select t.id, t.token_id, t.status::text as status, t.image_cid as cid, left(a.prompt_text, 160) as prompt
    from (
      (
        select id, token_id, status, image_cid, author_id, mint_timestamp from ${tokens}
        where status = 'ready' and image_cid is not null
        order by mint_timestamp desc limit ${limit}
      )
      union all
      (
        select id, token_id, status, image_cid, author_id, mint_timestamp from ${tokens}
        where status = 'revealed' and image_cid is not null
        order by mint_timestamp desc limit ${limit}
      )
    ) t
    join ${authors} a on a.id = t.author_id
    order by t.mint_timestamp desc, t.id desc
    limit ${limit}
  `;
}

/** The oldest tokens that nobody has worked on for a while, and the newest that failed. */
export function selectTroubles(limit: number): Sql<TroubleRow> {
  return sql<TroubleRow>`
    (
      select 'stuck' as kind, id, token_id, status::text as status, attempts, null as message,
        to_char(greatest(created_at, available_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as since
      from ${tokens}
      where ${isStuck()}
      order by mint_timestamp limit ${limit}
    )
    union all
    (
      select 'failed', id, token_id, status::text, attempts, left(coalesce(error_data ->> 'message', error_data::text), 300), null
      from ${tokens}
      where status = 'failed'
      order by mint_timestamp desc limit ${limit}
    )
  `;
}

/** The name of the picture of a token, when it has one. */
export function selectPicture(tokenId: number): Sql<{ readonly cid: string | null }> {
  return sql<{ readonly cid: string | null }>`select image_cid as cid from ${tokens} where token_id = ${tokenId}`;
}
