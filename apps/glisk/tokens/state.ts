/** The life cycle of a token: the moves, once; checks, error sentences, claims and the diagram of the page come from here. */
import { lifeCycle } from 'keelson/schema';
import { tokens } from './table.ts';

export const tokenLifeCycle = lifeCycle(
  tokens.status,
  {
    detected: ['generating', 'failed'],
    generating: ['uploading', 'failed'],
    uploading: ['ready', 'failed'],
    ready: ['revealed', 'failed'],
    revealed: [],
    failed: [],
  },
  // Only `retry()` and the recovery of workers go back.
  { redrive: { failed: ['detected'], generating: ['detected'] } },
);
