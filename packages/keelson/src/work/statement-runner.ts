/** How statements that another library has put together run in a unit of work or through a reader. */
import { KeelsonError } from '../errors.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Statement } from '../schema/sql.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** Where a finished statement runs. */
export interface StatementRunner {
  /** The PostgreSQL schema of the app. */
  readonly namespace: string;
  /** Whether it only reads. */
  readonly isReader: boolean;
  run(statement: Statement): Promise<Result>;
  /** Counts a table, by its name in the database, among those that the commit tells its listeners of. */
  markWritten(table: string): void;
}

/** Where units and readers keep their runner. */
export const statementRunner: unique symbol = Symbol('keelson.statementRunner');

/** The flush that each unit is at: two at once would write the same changes twice. */
const flushes = new WeakMap<UnitOfWork, Promise<void>>();

/**
 * The runner of a unit of work or a reader.
 *
 * @throws MISUSE for anything else
 */
export function runnerOf(target: object): StatementRunner {
  if (isRunnable(target)) return target[statementRunner];
  throw new KeelsonError('MISUSE', {
    message: 'A query was to run on something that is neither a unit of work nor a reader.',
    hint: 'Give it what the block of work() or read() was given, whole.',
  });
}

/** The runner of a unit of work: what has changed is written before each statement, so that it sees it. */
export function unitRunner(unit: UnitOfWork, namespace: string): StatementRunner {
  return {
    namespace,
    isReader: false,
    run: async (statement) => {
      await flushInTurn(unit);
      return unit.send(statement);
    },
    markWritten: (table) => unit.markWritten(table),
  };
}

/** The runner of a reader. */
export function readerRunner(query: (statement: Statement) => Promise<Result>, namespace: string): StatementRunner {
  return { namespace, isReader: true, run: query, markWritten: () => undefined };
}

function isRunnable(target: object): target is { readonly [statementRunner]: StatementRunner } {
  return statementRunner in target;
}

async function flushInTurn(unit: UnitOfWork): Promise<void> {
  const before = flushes.get(unit) ?? Promise.resolve();
  // Who fails is told so; those who wait flush again, and meet the failed transaction themselves.
  const own = before.then(
    () => unit.flush(),
    () => unit.flush(),
  );
  flushes.set(unit, own);
  await own;
}
