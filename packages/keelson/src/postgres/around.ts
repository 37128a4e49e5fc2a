/** A statement that is a transaction of its own where the session cannot carry its settings: behind a transaction pooler. */
import type { Statement } from '../schema/sql.ts';
import type { Connection } from './connection.ts';
import type { Result } from './exchange.ts';

/**
 * Runs a statement between `begin` with its settings and COMMIT; they leave in one packet, so that nothing comes between them on a
 * connection that others use too. `isMoved` says whether another connection has answered the statement meanwhile.
 */
export async function runAround(
  connection: Connection,
  statement: Statement,
  { begin, isMoved = () => false }: { readonly begin: string; readonly isMoved?: () => boolean },
): Promise<Result> {
  void connection.command(begin);
  const answer = connection.query(statement);
  const ended = connection.command('commit');
  let result: Result;
  try {
    result = await answer;
  } catch (error) {
    // The transaction is over before anybody else has the connection.
    await ended.catch(ignore);
    throw error;
  }
  try {
    await ended;
  } catch (error) {
    if (!isMoved()) throw error;
  }
  return result;
}

function ignore(): void {
  // The statement's own failure is the one to tell.
}
