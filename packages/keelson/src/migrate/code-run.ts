/** Runs a revision in TypeScript: the `sql` that its functions get, bound to the connection that migrates, and batches. */
import { basename } from 'node:path';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import { toObjects } from '../postgres/values.ts';
import { sql, Sql, Statements } from '../schema/sql.ts';
import { databaseError, migrationFailed } from './failure.ts';
import { type Revision, transactionWord } from './revision.ts';
import type { BatchOptions, RevisionFunction, RevisionSql } from './revision-code.ts';
import { beginAlone, beginPart, type RunOptions, withAttempts } from './session.ts';
import { cut, type SqlStatement } from './statements.ts';

const BATCH_MAX = 1_000;
/** How often the progress of batches is told. */
const PROGRESS_MS = 1_000;

/**
 * Runs one function of a revision.
 *
 * @throws MIGRATION_FAILED naming the line of the file
 */
export async function runCode(options: RunOptions, revision: Revision, code: RevisionFunction): Promise<void> {
  const run = new CodeRun(options, revision);
  try {
    await code(run.sql());
    run.refuseUnawaited();
  } catch (error) {
    throw run.failureOf(error);
  } finally {
    run.close();
  }
}

class CodeRun {
  readonly #options: RunOptions;
  readonly #revision: Revision;
  readonly #statements: Statements;
  #inTransaction: boolean;
  #batching = false;
  #closed = false;
  #failed: { readonly statement: SqlStatement; readonly error: unknown } | undefined;

  constructor(options: RunOptions, revision: Revision) {
    this.#options = options;
    this.#revision = revision;
    this.#statements = new Statements(options.namespace, { named: false });
    this.#inTransaction = revision.transaction;
  }

  sql(): RevisionSql {
    const run = <Row>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<readonly Row[]> =>
      this.#query<Row>(new Sql(strings, values));
    const batched = (options: BatchOptions): Promise<number> => this.#batched(options);
    return Object.assign(run, { part: sql, identifier: sql.identifier, join: sql.join, batched });
  }

  /** A statement that nobody waits for would run after the row of the history. */
  refuseUnawaited(): void {
    if (this.#options.connection.pending === 0) return;
    throw new KeelsonError('MISUSE', { message: `A statement was not awaited: ${this.#options.connection.lastStatement}` });
  }

  close(): void {
    this.#closed = true;
  }

  failureOf(error: unknown): KeelsonError {
    if (isKeelsonError(error, 'MIGRATION_FAILED')) return error;
    const { file, transaction } = this.#revision;
    const line = lineIn(error, file) ?? 1;
    const failed = this.#failed?.error === error ? this.#failed?.statement : undefined;
    return migrationFailed(error, {
      file,
      line,
      statement: failed && databaseError(error) && { ...failed, line },
      kept: transaction
        ? 'Nothing of the revision was kept.'
        : 'What was committed by then is kept; the next run begins at the first line again.',
    });
  }

  async #query<Row>(piece: Sql): Promise<readonly Row[]> {
    if (this.#closed) throw new KeelsonError('MISUSE', { message: 'The sql of a revision was used after its function had ended.' });
    const compiled = this.#statements.compile(piece);
    const statement = cut(compiled.text).statements[0] ?? { text: compiled.text, line: 1, words: [] };
    const word = transactionWord(statement);
    if (word !== undefined) {
      throw new KeelsonError('MISUSE', {
        message: `\`${word}\`: the transaction belongs to the runner, a revision may not begin or end one`,
      });
    }
    const { connection } = this.#options;
    try {
      if (this.#inTransaction) return parseRows<Row>(await connection.query(compiled));
      return await withAttempts(this.#options, this.#revision.id, async () => {
        await beginAlone(this.#options, statement);
        return parseRows<Row>(await connection.query(compiled));
      });
    } catch (error) {
      this.#failed ??= { statement, error };
      throw error;
    }
  }

  async #batched(batch: BatchOptions): Promise<number> {
    const { batchMax = BATCH_MAX } = batch;
    if (this.#batching) throw new KeelsonError('MISUSE', { message: 'Batches cannot stand in batches, nor run beside each other.' });
    if (!Number.isSafeInteger(batchMax) || batchMax < 1) {
      throw new KeelsonError('MISUSE', { message: `A batch has a whole number of rows from 1 on, not ${batchMax}.` });
    }
    this.#batching = true;
    try {
      return await this.#runBatches(batch, batchMax);
    } finally {
      this.#batching = false;
    }
  }

  async #runBatches(batch: BatchOptions, batchMax: number): Promise<number> {
    const { clock, log } = this.#options;
    const table = typeof batch.table === 'string' ? batch.table : null;
    const beganMs = clock.monotonicMs();
    let toldMs = beganMs;
    let rows = 0;
    let after: string | undefined;
    // bounded by: the rows of the table, each of which is seen once
    for (;;) {
      const keys: readonly string[] = await this.#batch(batch, batchMax, after);
      after = keys.at(-1);
      rows += keys.length;
      const isLast = keys.length < batchMax;
      const nowMs = clock.monotonicMs();
      if (isLast || nowMs - toldMs >= PROGRESS_MS) {
        toldMs = nowMs;
        log.info('migration.progress', { id: this.#revision.id, table, rows, duration_ms: Math.round(nowMs - beganMs) });
      }
      if (isLast) return rows;
    }
  }

  async #batch(batch: BatchOptions, batchMax: number, after: string | undefined): Promise<readonly string[]> {
    if (this.#revision.transaction) return this.#runBatch(batch, batchMax, after);
    return withAttempts(this.#options, this.#revision.id, async () => {
      try {
        await beginPart(this.#options);
        this.#inTransaction = true;
        this.#failed = undefined;
        const keys = await this.#runBatch(batch, batchMax, after);
        this.refuseUnawaited();
        const { tag } = await this.#options.connection.command('commit');
        if (tag !== 'COMMIT') throw new KeelsonError('TRANSACTION_ABORTED', { message: `the server answered ${tag} to the commit` });
        return keys;
      } finally {
        this.#inTransaction = false;
      }
    });
  }

  async #runBatch({ table, key = 'id', where, run }: BatchOptions, batchMax: number, after: string | undefined) {
    const name = sql.identifier(key);
    // The rows are locked so that nobody changes them between the reading and the writing of a batch.
    const rows = await this.#query<{ readonly key: string }>(sql`
      select ${name}::text as key
      from ${typeof table === 'string' ? sql.identifier(table) : table}
      where ${after === undefined ? sql`true` : sql`${name} > ${after}`} and (${where ?? sql`true`})
      order by ${name}
      limit ${batchMax}
      for no key update`);
    const keys = rows.map((row) => row.key);
    if (keys.length > 0) await run(keys);
    return keys;
  }
}

/** The line of the revision's file on which an error arose, as its stack tells. */
function lineIn(error: unknown, file: string): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const frame = error.stack?.split('\n').find((line) => line.includes(basename(file)));
  const [, line] = /:(\d+):\d+\)?$/.exec(frame ?? '') ?? [];
  return line === undefined ? undefined : Number(line);
}

function parseRows<Row>(result: Result): readonly Row[] {
  return toObjects(result) as readonly unknown[] as readonly Row[];
}
