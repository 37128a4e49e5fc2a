/** The life cycle of a job that draws a picture. */
import { lifeCycle } from 'keelson/schema';
import { imageGenerationJobs } from './table.ts';

export const imageJobLifeCycle = lifeCycle(
  imageGenerationJobs.status,
  { pending: ['running', 'completed', 'failed'], running: ['completed', 'failed'], completed: [], failed: [] },
  { redrive: { failed: ['pending'], running: ['pending'] } },
);
