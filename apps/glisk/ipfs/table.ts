/** Uploads to IPFS: the picture of a token, and the metadata that points to it. */
import { check, createdAt, enumType, index, integer, jsonb, references, sql, table, timestamptz, uuid, varchar } from 'keelson/schema';
import { tokens } from '../tokens/table.ts';

/** What is uploaded. */
const ipfsRecordType = enumType('ipfs_record_type', ['image', 'metadata']);
/** The states of an upload. */
const ipfsUploadStatus = enumType('ipfs_upload_status', ['pending', 'uploading', 'completed', 'failed']);

/** Why an upload failed. */
export interface IpfsUploadError {
  readonly [detail: string]: unknown;
}

export const ipfsUploadRecords = table(
  'ipfs_upload_records',
  {
    id: uuid().primaryKey(),
    tokenId: references(() => tokens, { onDelete: 'cascade' }),
    recordType: ipfsRecordType(),
    cid: varchar(255).nullable(),
    status: ipfsUploadStatus().default('pending'),
    retryCount: integer().default(0),
    errorData: jsonb<IpfsUploadError>().nullable(),
    createdAt: createdAt(),
    completedAt: timestamptz().nullable(),
  },
  (t) => [
    index(t.recordType, t.status),
    index(t.tokenId),
    check(sql`${t.status} <> 'completed' or ${t.cid} is not null`),
    check(sql`${t.retryCount} >= 0`),
  ],
);
