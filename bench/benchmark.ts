/** What every benchmark is told. */

/** The options of a run. */
export interface BenchmarkOptions {
  readonly quick: boolean;
  /** A superuser's URL of the server to run on; without one, an embedded server is started. */
  readonly databaseUrl: string | undefined;
  /** Where each contender leaves a CPU profile of its run. */
  readonly profileDirectory: string | undefined;
  /** Whether a contender takes part. */
  wants(contender: string): boolean;
  /** Tells the person who waits what goes on. */
  say(line: string): void;
}
