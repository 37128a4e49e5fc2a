/** The questions of a plan, asked on a terminal: what became of what is gone. */
import { KeelsonError } from '../errors.ts';
import type { Question } from '../migrate/plan/question.ts';
import type { Context } from './context.ts';
import { ask } from './input.ts';
import { plainText } from './output.ts';

/** What was answered, as it could have been said with the command. */
export interface Answers {
  readonly renames: readonly string[];
  readonly drops: readonly string[];
}

type Asked = Pick<Context, 'input'>;

const TRIES_MAX = 3;

/**
 * Asks a person each question that the answers before it have left open.
 *
 * @throws USAGE when one is not answered
 */
export async function answerQuestions(context: Asked, questions: readonly Question[]): Promise<Answers> {
  const renames: string[] = [];
  const drops: string[] = [];
  const taken = new Set<string>();
  for (const question of questions) {
    const open = question.renames.map(argumentOf).filter((option) => !taken.has(goalOf(option)));
    const chosen = await choose(context, question, open);
    if (chosen === undefined) drops.push(argumentOf(question.drop));
    else {
      renames.push(chosen);
      taken.add(goalOf(chosen));
    }
  }
  return { renames, drops };
}

/** The rename that was chosen, or undefined for the drop. */
async function choose({ input }: Asked, question: Question, renames: readonly string[]): Promise<string | undefined> {
  const options = [...renames.map((option) => `renamed: ${option}`), `dropped: ${argumentOf(question.drop)}`];
  const list = options.map((option, at) => `  ${at + 1}  ${plainText(option)}\n`).join('');
  let text = `${plainText(question.message)}\n${list}Which, 1 to ${options.length}? `;
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const answer = (await ask(input, text)).trim();
    const number = /^\d{1,3}$/u.test(answer) ? Number(answer) : 0;
    if (number >= 1 && number <= options.length) return renames[number - 1];
    text = `Say a number from 1 to ${options.length}: `;
  }
  throw new KeelsonError('USAGE', {
    message: `What became of ${question.object} was not answered; nothing was written.`,
    hint: `Say it with the command: ${[...question.renames, question.drop].join(', or ')}`,
  });
}

/** `users.nick:handle` out of the option `--rename users.nick:handle`, without the quotes of a shell. */
function argumentOf(option: string): string {
  const argument = option.replace(/^--(?:rename|drop)[ =]/u, '');
  return /^'[^]*'$/u.test(argument) ? argument.slice(1, -1).replaceAll("'\\''", "'") : argument;
}

/** What a rename makes: `users.handle` of `users.nick:handle`; nothing can come about twice. */
function goalOf(rename: string): string {
  return rename.replace(/[^.:]*:/u, '');
}
