/** What `db sql` does: a small psql, for the embedded server brings none. */
import { KeelsonError } from '../errors.ts';
import { quoteName } from '../schema/sql.ts';
import type { Context } from './context.ts';
import { databaseName, databaseSettings, isGuarded, isPooled, unhurried, withConnection } from './database.ts';
import { exitCodes } from './failure.ts';
import { readAll } from './input.ts';
import { type SqlOptions, SqlSession } from './sql-session.ts';

const PIPED_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Runs a query, or what is piped in, or asks for one line after the other; gives 1 when a transaction was left open.
 *
 * @throws CONFIG_INVALID, DATABASE_CONNECTION_FAILED, EMBEDDED_SERVER_FAILED, USAGE, and DATABASE_ERROR for a statement that was refused
 */
export async function runSql(context: Context, query: string | undefined, options: SqlOptions): Promise<number> {
  const { input, output } = context;
  const settings = databaseSettings(context);
  const isReadOnly = isGuarded(settings) && options.write !== true;
  if (isReadOnly && isPooled(settings)) {
    throw new KeelsonError('USAGE', {
      message: 'Behind a transaction pooler a session cannot be held to reading.',
      hint: 'Set DIRECT_DATABASE_URL to the same database past the pooler, or say --write.',
    });
  }
  const text = query ?? (input.terminal ? undefined : await readAll(input, PIPED_BYTES_MAX));
  return withConnection(
    context,
    async (connection, postgres) => {
      // What is set on a session behind a pooler might stay there for others.
      if (!isPooled(settings)) await connection.command(`set search_path to ${quoteName(context.app.namespace)}, public`);
      if (isReadOnly) await connection.command('set default_transaction_read_only to on');
      const session = new SqlSession(context, connection, options);
      if (text === undefined) {
        const { prompt } = await import('./sql-prompt.ts');
        await prompt(session, { context, postgres, connection, name: databaseName(context, settings), isReadOnly });
        return exitCodes.ok;
      }
      await session.runText(text);
      if (connection.transactionStatus === 'I') return exitCodes.ok;
      output.talk('The transaction was left open: nothing of it was kept. End it with commit.');
      return exitCodes.failed;
    },
    unhurried,
  );
}
