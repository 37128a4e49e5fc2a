/** The worker that uploads pictures and their metadata: uploading → ready. */
import { systemClock } from 'keelson/clock';
import { failureOf, patiently, worker } from '../worker.ts';
import { isOpen } from './service.ts';

const MINUTE_MS = 60_000;

export const upload = worker('upload', {
  claim: { from: 'tokens', in: 'uploading', orderBy: 'mintTimestamp' },
  attemptsMax: 5,
  timeoutMs: 3 * MINUTE_MS,
  concurrency: 8,
  batchMax: 32,
  run: (token, { services, signal }) => patiently(() => services.uploads.upload(token, { signal })),
  done: (token, { imageCid, metadataCid }) => {
    token.imageCid = imageCid;
    token.markReady(metadataCid);
  },
  fail: async (token, error, { ipfsRecords }) => {
    const failure = failureOf(error);
    for (const record of await ipfsRecords.getByToken(token.id)) {
      if (isOpen(record)) record.markFailed(failure, systemClock.now());
    }
    token.markFailed(failure);
  },
});
