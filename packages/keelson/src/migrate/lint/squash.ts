/** Squash: many revisions become one that makes the same, and says which it replaces. */
import type { Clock } from '../../clock.ts';
import { KeelsonError } from '../../errors.ts';
import type { Shadows } from '../plan/shadow.ts';

/** What to squash. */
export interface SquashRequest {
  readonly shadows: Shadows;
  readonly directory: string;
  readonly namespace: string;
  /** What the new revision is called, in words. */
  readonly name: string;
  /** Whether the rows that revisions put into tables may be left out. */
  readonly acceptData?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** What came of it. */
export interface Squashed {
  /** The path of the new revision. */
  readonly file: string;
  /** The paths of the revisions that it replaces, which are gone. */
  readonly removed: readonly string[];
}

/**
 * Replaces all revisions of a folder by one that was proved to make the same database. A database that has them all is stamped by its next `up`.
 *
 * @throws USAGE when there is nothing to squash, or rows would be left out; PLAN_FAILED; MIGRATION_NOT_PROVED
 */
export async function squash(request: SquashRequest): Promise<Squashed> {
  return Promise.reject(new KeelsonError('PLAN_FAILED', { message: `${request.directory} cannot be squashed yet.` }));
}
