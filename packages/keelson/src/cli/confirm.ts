/** Whether a person means it: the name of the database, typed on a terminal or said beforehand. */
import { KeelsonError } from '../errors.ts';
import type { Context } from './context.ts';
import { ask } from './input.ts';

/** What is to be confirmed. */
export interface Deed {
  /** The name of the database. */
  readonly name: string;
  /** What will be done, as a sentence. */
  readonly says: string;
  /** The name that was given with the command. */
  readonly yes: string | undefined;
}

/**
 * Goes on only when the name of the database was given.
 *
 * @throws USAGE when it was not, or is another
 */
export async function confirm({ input }: Context, { name, says, yes }: Deed): Promise<void> {
  if (yes === undefined && !input.terminal) {
    throw new KeelsonError('USAGE', {
      message: `${says} That was not confirmed, and here nobody can be asked.`,
      hint: `If that is meant, say so with the name of the database: --yes ${name}`,
    });
  }
  const given = yes ?? (await ask(input, `${says}\nType the name of the database to go on: `));
  if (given.trim() === name) return;
  throw new KeelsonError('USAGE', {
    message: `The database is called ${JSON.stringify(name)}, not ${JSON.stringify(given.trim())}; nothing was done.`,
    hint: 'See which database is used: config shows DATABASE_URL.',
  });
}
