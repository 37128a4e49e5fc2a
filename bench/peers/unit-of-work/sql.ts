/** The statements of the hand-written contenders. */

export const columns = 'id, token_id, author_id, status, mint_timestamp, image_path, metadata_cid, attempts, error_data, created_at, version';

export const selectOne = { name: 'one', text: `select ${columns} from tokens where id = $1` };

export const selectMany = { name: 'many', text: `select ${columns} from tokens where id = any($1::uuid[])` };

export const updateOne = { name: 'change', text: 'update tokens set status = $2, version = version + 1 where id = $1 and version = $3' };

export const updateMany = {
  name: 'changes',
  text: `update tokens t set status = c.status, version = t.version + 1
         from unnest($1::uuid[], $2::token_status[], $3::int[]) as c (id, status, version)
         where t.id = c.id and t.version = c.version`,
};

export const attach = { name: 'attach', text: 'update tokens set image_path = $2 where id = $1' };

/** A row of `tokens` as the hand-written contenders see it. */
export interface TokenRow {
  id: string;
  token_id: number;
  author_id: string;
  status: 'detected' | 'generating' | 'uploading' | 'ready' | 'failed';
  mint_timestamp: Date;
  image_path: string | null;
  metadata_cid: string | null;
  attempts: number;
  error_data: unknown;
  created_at: Date;
  version: number;
}

/** Sorted by id, so that two writers of the same rows wait for each other and never lock up. */
export function sorted(rows: TokenRow[]): TokenRow[] {
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}
