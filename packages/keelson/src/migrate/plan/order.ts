/** An order in which statements run, found by running them. */
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { databaseError } from '../failure.ts';

interface Failure {
  readonly statement: string;
  readonly error: unknown;
}

/**
 * Runs statements; one that fails is tried again after the others. Gives the order in which they ran.
 *
 * In a transaction each has a savepoint. Outside one each is a transaction of its own, as a value that was just added to an enum needs.
 *
 * @throws PLAN_FAILED naming the statement and what PostgreSQL said
 */
export async function runInOrder(connection: Connection, statements: readonly string[]): Promise<readonly string[]> {
  const runAll = connection.transactionStatus === 'I' ? runAlone : runUnderSavepoints;
  const done: string[] = [];
  let waiting = statements;
  // bounded by: every pass but the last runs one statement at least
  while (waiting.length > 0) {
    const failures = await runAll(connection, waiting);
    const failed = new Set(failures.map(({ statement }) => statement));
    const [first] = failures;
    if (first !== undefined && failures.length === waiting.length) throw planFailed(first);
    done.push(...waiting.filter((statement) => !failed.has(statement)));
    waiting = waiting.filter((statement) => failed.has(statement));
  }
  return done;
}

/** All are sent at once; each is judged for itself. */
async function runAlone(connection: Connection, statements: readonly string[]): Promise<readonly Failure[]> {
  const outcomes = await Promise.allSettled(statements.map((statement) => send(connection, statement)));
  return failuresOf(connection, statements, outcomes);
}

async function runUnderSavepoints(connection: Connection, statements: readonly string[]): Promise<readonly Failure[]> {
  await connection.command('savepoint every_statement');
  const outcomes = await Promise.allSettled(statements.map((statement) => send(connection, statement)));
  if (outcomes.every(({ status }) => status === 'fulfilled')) return [];
  await connection.command('rollback to savepoint every_statement');
  const failures: Failure[] = [];
  for (const statement of statements) {
    await connection.command('savepoint statement');
    const [outcome] = await Promise.allSettled([send(connection, statement)]);
    failures.push(...failuresOf(connection, [statement], [outcome]));
    await connection.command(outcome.status === 'fulfilled' ? 'release savepoint statement' : 'rollback to savepoint statement');
  }
  return failures;
}

async function send(connection: Connection, statement: string): Promise<void> {
  await connection.query({ text: statement, name: undefined, values: [] });
}

function failuresOf(
  connection: Connection,
  statements: readonly string[],
  outcomes: readonly PromiseSettledResult<void>[],
): readonly Failure[] {
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return [];
    const error: unknown = outcome.reason;
    if (connection.broken) throw error;
    return [{ statement: statements[index] ?? '', error }];
  });
}

function planFailed({ statement, error }: Failure): KeelsonError {
  const found = databaseError(error);
  const said = found?.message ?? (error instanceof Error ? error.message : String(error));
  return new KeelsonError('PLAN_FAILED', {
    message: `A statement of the plan does not run: ${said}, in: ${statement}`,
    hint: HINTS[found?.code ?? ''],
    data: { sql: statement, sqlState: found?.code },
    cause: error,
  });
}

const HINTS: Readonly<Record<string, string>> = {
  // datatype_mismatch, as of an ALTER COLUMN … TYPE without a cast that PostgreSQL knows
  42804:
    'PostgreSQL does not know how the old values become new ones: write the revision by hand, with `using` and the expression that turns one into the other.',
  // out_of_memory of the table of locks
  53200: 'Raise max_locks_per_transaction of the server, or begin with fewer tables.',
};
