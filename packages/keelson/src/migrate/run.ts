/** Runs one revision in one direction: every step with its row of the history, again when a lock was not free, and with a clear word when it fails. */
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { isConnectionLost } from '../postgres/sqlstate.ts';
import { migrationFailed } from './failure.ts';
import { addEntry } from './history.ts';
import type { Direction, Revision } from './revision.ts';
import type { RevisionFunction } from './revision-code.ts';
import { beginAlone, beginPart, prepareSession, resetSession, rollBack, type RunOptions, withAttempts } from './session.ts';
import type { SqlStatement } from './statements.ts';
import { checksumAfter, type Step, stepsOf } from './steps.ts';
import { keelsonVersion } from './version.ts';

/**
 * Runs a revision from the step after `done` on; gives how long that took.
 *
 * @throws MIGRATION_FAILED naming file and line
 */
export async function runRevision(options: RunOptions, revision: Revision, direction: Direction, done: number): Promise<number> {
  const beganMs = options.clock.monotonicMs();
  await prepareSession(options.connection);
  try {
    const run = new RevisionRun(options, revision, direction);
    for (let index = done; index < run.steps.length; index += 1) await run.step(index);
  } finally {
    await resetSession(options.connection);
  }
  return Math.round(options.clock.monotonicMs() - beganMs);
}

class RevisionRun {
  readonly steps: readonly Step[];
  readonly #options: RunOptions;
  readonly #revision: Revision;
  readonly #direction: Direction;
  /** The statement under way. */
  #statement: SqlStatement | undefined;
  #committing = false;

  constructor(options: RunOptions, revision: Revision, direction: Direction) {
    this.#options = options;
    this.#revision = revision;
    this.#direction = direction;
    this.steps = stepsOf(revision, direction);
  }

  async step(index: number): Promise<void> {
    const step = this.steps[index];
    if (step === undefined) return;
    const { id, transaction } = this.#revision;
    try {
      // Code outside a transaction tries its own statements again; all of it would be too much.
      if (step.code !== undefined && !transaction) await this.#alone(step, index);
      else await withAttempts(this.#options, id, () => (transaction ? this.#inTransaction(step, index) : this.#alone(step, index)));
    } catch (error) {
      await rollBack(this.#options);
      throw this.#failure(error, step, index);
    }
  }

  async #inTransaction(step: Step, index: number): Promise<void> {
    const { connection, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    this.#committing = false;
    await beginPart(this.#options);
    if (step.code !== undefined) await this.#runCode(step.code);
    for (const statement of step.statements) {
      this.#statement = statement;
      await connection.command(statement.text);
    }
    this.#statement = undefined;
    const recorded = this.#record(index, beganMs);
    this.#committing = true;
    // A commit after a failure rolls back, so both may leave together.
    const [, { tag }] = await Promise.all([recorded, connection.command('commit')]);
    if (tag !== 'COMMIT') throw new KeelsonError('TRANSACTION_ABORTED', { message: `the server answered ${tag} to the commit` });
  }

  async #alone(step: Step, index: number): Promise<void> {
    const { connection, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    if (step.code !== undefined) await this.#runCode(step.code);
    for (const statement of step.statements) {
      await beginAlone(this.#options, statement);
      this.#statement = statement;
      await connection.command(statement.text);
    }
    this.#statement = undefined;
    await this.#record(index, beganMs);
  }

  async #runCode(code: RevisionFunction): Promise<void> {
    const { runCode } = await import('./code-run.ts');
    await runCode(this.#options, this.#revision, code);
  }

  async #record(index: number, beganMs: number): Promise<void> {
    const { connection, namespace, clock } = this.#options;
    const { id, slug } = this.#revision;
    await addEntry(connection, namespace, {
      id,
      slug,
      checksum: checksumAfter(this.#revision, this.steps, index + 1),
      direction: this.#direction,
      part: index + 1,
      parts: this.steps.length,
      durationMs: Math.round(clock.monotonicMs() - beganMs),
      keelsonVersion,
    });
  }

  #failure(error: unknown, step: Step, index: number): KeelsonError {
    if (isKeelsonError(error, 'MIGRATION_FAILED')) return error;
    const { file } = this.#revision;
    return migrationFailed(error, { file, statement: this.#statement, line: step.line, kept: this.#kept(index, error) });
  }

  #kept(index: number, error: unknown): string {
    if (this.#committing && isConnectionLost(error)) return 'Whether this part was committed, the history tells: run it again.';
    if (index === 0) return this.#revision.transaction ? 'Nothing of the revision was kept.' : '';
    return `Of its ${this.steps.length} parts the first ${index} are kept; the next run goes on after them.`;
  }
}
