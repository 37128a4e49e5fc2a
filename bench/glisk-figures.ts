/** What a process with GLISK's model tells the benchmark. */

/** Times and counts. */
export interface GliskFigures {
  /** All migrations on an empty namespace, round by round. */
  readonly upMs: readonly number[];
  /** How many pairs of states the life cycle does not know as a move, and how many of these were refused. */
  readonly forbidden: number;
  readonly refused: number;
  readonly allowed: number;
}

/** Reads what `figures` has answered. */
export function parseGlisk(result: unknown): GliskFigures {
  return result as GliskFigures;
}
