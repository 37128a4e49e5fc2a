/** A session of `db sql`: statements and backslash commands are run one after the other, and what they give is shown. */
import { KeelsonError } from '../errors.ts';
import type { Connection } from '../postgres/connection.ts';
import type { Result } from '../postgres/exchange.ts';
import type { Context } from './context.ts';
import { SqlBuffer, type SqlItem } from './sql-buffer.ts';
import { commandHelp, describe, type Described } from './sql-describe.ts';
import { renderCsv, renderJsonLine, renderResult, renderTag, sqlFailure } from './sql-show.ts';

/** What can be said to the command. */
export interface SqlOptions {
  readonly json?: true;
  readonly csv?: true;
  readonly write?: true;
}

/** 25006: a statement would write in a read-only transaction. */
const readOnlyHint: ReadonlyMap<string, string> = new Map([['25006', 'In production and staging what writes needs --write.']]);

/** Runs statements and commands one after the other, and shows what they give. */
export class SqlSession {
  readonly #context: Context;
  readonly #connection: Connection;
  readonly #options: SqlOptions;

  constructor(context: Context, connection: Connection, options: SqlOptions) {
    this.#context = context;
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * Runs a whole text; the first statement that fails ends it.
   *
   * @throws USAGE when a quote or comment is not closed, DATABASE_ERROR for a statement that was refused
   */
  async runText(text: string): Promise<void> {
    const buffer = new SqlBuffer();
    for (const line of text.split(/\r?\n/)) for (const item of buffer.feed(line)) await this.run(item);
    const { items, unclosed } = buffer.finish();
    if (unclosed !== undefined)
      throw new KeelsonError('USAGE', { message: `A ${unclosed} is not closed.`, hint: 'Close it; what stands before it was run.' });
    for (const item of items) await this.run(item);
  }

  /**
   * Runs one statement or command.
   *
   * @throws USAGE, NOT_FOUND, DATABASE_ERROR
   */
  async run({ kind, text, words }: SqlItem): Promise<void> {
    const { output } = this.#context;
    if (kind === 'command') {
      if (text === '\\?') output.talk(commandHelp);
      else for (const described of await describe(this.#connection, text)) this.#showDescribed(described);
      return;
    }
    if (words[0] === 'copy' && words.includes('stdout')) {
      throw new KeelsonError('USAGE', {
        message: 'COPY … TO STDOUT is not offered here.',
        hint: 'Select the rows instead: --csv prints them as CSV.',
      });
    }
    let result: Result;
    try {
      result = await this.#connection.query({ text, name: undefined, values: [] });
    } catch (error) {
      throw sqlFailure(error, text, readOnlyHint);
    }
    this.#show(result);
  }

  #showDescribed({ title, result }: Described): void {
    const isForPeople = this.#options.json !== true && this.#options.csv !== true;
    if (title !== undefined && isForPeople) this.#context.output.data(`${title}:`);
    this.#show(result);
  }

  #show(result: Result): void {
    const { output } = this.#context;
    const { json, csv } = this.#options;
    if (result.fields.length > 0) output.data(json ? renderJsonLine(result) : csv ? renderCsv(result) : renderResult(result));
    if (result.tag !== '') output.talk(renderTag(result));
  }
}
