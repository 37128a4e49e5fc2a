/** An order in which statements run, found by running them. */
import { databaseError } from '../failure.ts';
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';

/**
 * Runs statements in the transaction that is open, each under a savepoint; one that fails is tried again after the others.
 * Gives the order in which they ran.
 *
 * @throws PLAN_FAILED naming the statement and what PostgreSQL said
 */
export async function runInOrder(connection: Connection, statements: readonly string[]): Promise<readonly string[]> {
  const done: string[] = [];
  let waiting = statements;
  // bounded by: every pass but the last runs one statement at least
  while (waiting.length > 0) {
    const failures: { readonly statement: string; readonly error: unknown }[] = [];
    for (const statement of waiting) {
      const error = await tryOne(connection, statement);
      if (error === undefined) done.push(statement);
      else failures.push({ statement, error });
    }
    const [first] = failures;
    if (first !== undefined && failures.length === waiting.length) throw failed(first.statement, first.error);
    waiting = failures.map(({ statement }) => statement);
  }
  return done;
}

async function tryOne(connection: Connection, statement: string): Promise<unknown> {
  try {
    await connection.command('savepoint statement');
    await connection.query({ text: statement, name: undefined, values: [] });
    await connection.command('release savepoint statement');
    return undefined;
  } catch (error) {
    if (connection.broken) throw error;
    await connection.command('rollback to savepoint statement');
    return error;
  }
}

function failed(statement: string, error: unknown): KeelsonError {
  const said = databaseError(error)?.message ?? (error instanceof Error ? error.message : String(error));
  return new KeelsonError('PLAN_FAILED', { message: `A statement of the plan does not run: ${said}, in: ${statement}`, cause: error });
}
