/** The life cycle of an upload. */
import { lifeCycle } from 'keelson/schema';
import { ipfsUploadRecords } from './table.ts';

export const ipfsUploadLifeCycle = lifeCycle(
  ipfsUploadRecords.status,
  { pending: ['uploading', 'completed', 'failed'], uploading: ['completed', 'failed'], completed: [], failed: [] },
  { redrive: { failed: ['pending'], uploading: ['pending'] } },
);
