/** Where a password comes from: typed twice, unseen, or the first line of what is piped in; never an argument. */
import { KeelsonError } from '../errors.ts';
import { askSecret, type Input, readAll } from './input.ts';

/** Gives the password; the question is for a person. */
export type PasswordSource = (question: string) => Promise<string>;

const TRIES_MAX = 3;
const PIPED_BYTES_MAX = 10_000;

/**
 * Where this command gets its password from.
 *
 * @throws USAGE when nobody can be asked and nothing is piped in
 */
export function passwordSource(input: Input, { passwordStdin }: { readonly passwordStdin?: true }): PasswordSource {
  if (passwordStdin === true) return () => piped(input);
  if (input.terminal) return (question) => typed(input, question);
  throw new KeelsonError('USAGE', {
    message: 'The password cannot be asked for: this is no terminal.',
    hint: `Pipe it in: printf '%s' "$PASSWORD" | … --password-stdin`,
  });
}

async function piped(input: Input): Promise<string> {
  const [first = '', ...rest] = (await readAll(input, PIPED_BYTES_MAX)).split(/\r?\n/);
  if (first !== '' && rest.every((line) => line === '')) return first;
  throw new KeelsonError('USAGE', {
    message: first === '' ? 'No password was piped in.' : 'More than one line was piped in.',
    hint: 'The password is one line on standard input.',
  });
}

async function typed(input: Input, question: string): Promise<string> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const password = await askSecret(input, question);
    if (password === '') input.echo.write('It is empty.\n');
    else if ((await askSecret(input, 'Once more: ')) === password) return password;
    else input.echo.write('They differ.\n');
  }
  throw new KeelsonError('USAGE', { message: 'No password was given; nothing was done.', hint: 'Type the same password twice.' });
}
