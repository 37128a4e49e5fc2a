/** Jobs that draw a picture, one row for each try. */
import {
  check,
  createdAt,
  enumType,
  index,
  integer,
  jsonb,
  references,
  sql,
  table,
  text,
  timestamptz,
  uuid,
  varchar,
} from 'keelson/schema';
import { tokens } from '../tokens/table.ts';

/** Who draws. */
const imageService = enumType('image_service', ['replicate', 'selfhosted']);
/** The states of a job. */
const imageJobStatus = enumType('image_job_status', ['pending', 'running', 'completed', 'failed']);

/** Why a job failed. */
export interface ImageJobError {
  readonly [detail: string]: unknown;
}

export const imageGenerationJobs = table(
  'image_generation_jobs',
  {
    id: uuid().primaryKey(),
    tokenId: references(() => tokens, { onDelete: 'cascade' }),
    service: imageService(),
    status: imageJobStatus().default('pending'),
    externalJobId: varchar(255).nullable(),
    imagePath: text().nullable(),
    retryCount: integer().default(0),
    errorData: jsonb<ImageJobError>().nullable(),
    createdAt: createdAt(),
    completedAt: timestamptz().nullable(),
  },
  (t) => [index(t.service, t.status), index(t.tokenId), check(sql`${t.retryCount} >= 0`)],
);
