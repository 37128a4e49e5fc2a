/** The watch: what is told of connections, statements and units of work to whoever measures; nobody is told where nobody listens. */

/** Told when a statement has ended, with its error if it failed. */
export type StatementEnd = (error: unknown) => void;

/** How a unit of work went. */
export type UnitOutcome = 'committed' | 'rolled_back' | 'retried';

/** Those who listen; each is undefined until somebody measures, and costs one look at a field until then. */
export class Watch {
  /** A statement leaves, asked for by that holder. */
  statement: ((text: string, holder: string) => StatementEnd | undefined) | undefined;
  /** A connection was opened, for the pool or the readers. */
  opened: ((durationMs: number) => void) | undefined;
  /** Somebody got a connection after so long; 0 for one that was idle. */
  waited: ((durationMs: number) => void) | undefined;
  /** A connection came back from its holder. */
  used: ((durationMs: number) => void) | undefined;
  unit: ((outcome: UnitOutcome) => void) | undefined;
}
