/** The prompt of `db sql`: statements line by line, Ctrl-C cancels the one that runs, Ctrl-D ends. */
import { createInterface } from 'node:readline';
import type { Connection } from '../postgres/connection.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { Context } from './context.ts';
import { describeFailure } from './failure.ts';
import type { SqlSession } from './sql-session.ts';
import { SqlBuffer } from './sql-buffer.ts';

/** Where the prompt stands. */
export interface PromptPlace {
  readonly context: Context;
  readonly postgres: Postgres;
  readonly connection: Connection;
  /** The name of the database. */
  readonly name: string;
  readonly isReadOnly: boolean;
}

const HISTORY_MAX = 1_000;

/** Asks for statements until there is no more, or `\q` is said; a failure is told and ends nothing but its statement. */
export async function prompt(session: SqlSession, { context, postgres, connection, name, isReadOnly }: PromptPlace): Promise<void> {
  const { input, output } = context;
  const buffer = new SqlBuffer();
  const lines = createInterface({ input: input.stream, output: input.echo, terminal: true, historySize: HISTORY_MAX });
  let running = false;
  const ask = (): void => {
    const open = connection.transactionStatus === 'I' ? '' : '*';
    lines.setPrompt(`${name}${buffer.isEmpty ? '=' : '-'}${open}> `);
    lines.prompt();
  };
  lines.on('SIGINT', () => {
    if (running) void cancel(postgres, connection);
    else {
      buffer.clear();
      input.echo.write('\n');
      lines.write('', { ctrl: true, name: 'u' });
      ask();
    }
  });
  output.talk(
    `Database ${JSON.stringify(name)}${isReadOnly ? ', read-only: to change data, say --write' : ''}. \\? for help, \\q to quit.`,
  );
  ask();
  try {
    for await (const line of lines) {
      if (buffer.isEmpty && /^\s*(?:\\q|quit|exit)\s*;?\s*$/.test(line)) break;
      for (const item of buffer.feed(line)) {
        running = true;
        try {
          await session.run(item);
        } catch (error) {
          if (connection.broken) throw error;
          const { title, text } = describeFailure(error, false);
          output.talk(`${output.paint.talk('red', title)} ${text}`);
        } finally {
          running = false;
        }
      }
      ask();
    }
  } finally {
    lines.close();
  }
  if (connection.transactionStatus !== 'I') output.talk('The transaction was left open: nothing of it was kept.');
}

async function cancel(postgres: Postgres, connection: Connection): Promise<void> {
  const other = await postgres.connect();
  try {
    await other.query({ text: 'select pg_catalog.pg_cancel_backend($1)', name: undefined, values: [String(connection.backendId)] });
  } finally {
    await other.close();
  }
}
