/** The worker that has pictures drawn: detected → generating → uploading. */
import { systemClock } from 'keelson/clock';
import { failureOf, patiently, worker } from '../worker.ts';
import { isOpen } from './service.ts';

const MINUTE_MS = 60_000;

export const generation = worker('generation', {
  claim: { from: 'tokens', in: 'detected', orderBy: 'mintTimestamp' },
  start: 'generating',
  attemptsMax: 3,
  timeoutMs: 3 * MINUTE_MS,
  concurrency: 4,
  batchMax: 16,
  run: (token, { services, signal }) => patiently(() => services.pictures.draw(token, { signal })),
  done: async (token, { jobId, path, at }, { imageJobs }) => {
    const job = await imageJobs.get(jobId);
    if (isOpen(job)) job.markCompleted(path, at);
    token.markUploading(path);
  },
  fail: async (token, error, { imageJobs }) => {
    const failure = failureOf(error);
    const job = await imageJobs.getLatestByToken(token.id);
    if (job !== null && isOpen(job)) job.markFailed(failure, systemClock.now());
    token.markFailed(failure);
  },
});
