/** A plan as lines for a person: what comes, what goes, what changes, and in which table. */

/** One line of a plan. */
export interface PlanLine {
  readonly sign: '+' | '-' | '~';
  /** The table, or the object where there is no table. */
  readonly table: string;
  readonly text: string;
}
