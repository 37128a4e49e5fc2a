/** The planner: revisions out of the difference between the tables in the code and the revisions so far, proved before anybody sees them. */
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import type { Revision } from '../revision.ts';
import type { PlanLine } from './lines.ts';
import type { Question } from './question.ts';
import type { Shadows } from './shadow.ts';

/** What a plan is made from. */
export interface PlanRequest {
  readonly shadows: Shadows;
  /** The revisions so far, in order. */
  readonly revisions: readonly Revision[];
  readonly namespace: string;
  /** The DDL that makes the tables from nothing: `renderSchema(…).up`. */
  readonly target: readonly string[];
  /** `users.nick:handle`, `users:people`, `status.old:new`, `enum status:state`, `schema a:b`. */
  readonly renames?: readonly string[] | undefined;
  /** `users.nick`, `users`, `status.old`. */
  readonly drops?: readonly string[] | undefined;
  /** What the revision is called, in words. */
  readonly name: string;
  /** The id of the first new revision. */
  readonly id: string;
  /** A text with `{{up}}`, `{{down}}`, and where wanted `{{name}}`, to be used instead of the usual one. */
  readonly template?: string | undefined;
  /** Fills the shadow with rows for the proof, instead of rows made up. */
  readonly rows?: ((connection: Connection) => Promise<void>) | undefined;
}

/** A revision that was planned and proved, as it will be written. */
export interface PlannedFile {
  readonly name: string;
  readonly text: string;
  readonly revision: Revision;
}

/** What came of planning. */
export type Planned =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'questions'; readonly questions: readonly Question[] }
  | {
      readonly kind: 'plan';
      /** In order; one that takes something away is last. */
      readonly files: readonly PlannedFile[];
      readonly lines: readonly PlanLine[];
      /** What data does not survive, per column or table. */
      readonly losses: readonly string[];
      readonly notes: readonly string[];
    };

/**
 * Plans the next revisions.
 *
 * @throws PLANNER_MISSING, PLAN_FAILED, MIGRATION_NOT_PROVED, MIGRATION_FAILED, USAGE
 */
export async function plan(request: PlanRequest): Promise<Planned> {
  throw new KeelsonError('PLAN_FAILED', { message: `${request.name} cannot be planned yet.` });
}
