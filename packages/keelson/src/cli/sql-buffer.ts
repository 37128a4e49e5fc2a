/** Lines as they come, cut into the statements and the backslash commands in them. */
import { cut } from '../migrate/statements.ts';

/** What is to be done next. */
export interface SqlItem {
  readonly kind: 'statement' | 'command';
  readonly text: string;
  /** The first words of a statement, in lower case. */
  readonly words: readonly string[];
}

/** What is typed or piped in and not yet a whole statement. */
export class SqlBuffer {
  #text = '';

  /** Whether nothing has been begun. */
  get isEmpty(): boolean {
    return this.#text.trim() === '';
  }

  /** Takes a line, and gives what has become whole by it. */
  feed(line: string): readonly SqlItem[] {
    if (this.isEmpty && line.startsWith('\\')) {
      this.#text = '';
      return [{ kind: 'command', text: line.trim(), words: [] }];
    }
    this.#text += `${line}\n`;
    // Without a semicolon nothing can have ended.
    return line.includes(';') ? this.#take(this.#text) : [];
  }

  /** Gives the rest, which needs no semicolon; `unclosed` says which quote or comment nothing closes. */
  finish(): { readonly items: readonly SqlItem[]; readonly unclosed: string | undefined } {
    const { statements, unclosed } = cut(this.#text);
    this.clear();
    return { items: unclosed === undefined ? statements.map(asItem) : [], unclosed: unclosed?.what };
  }

  /** Forgets what was begun. */
  clear(): void {
    this.#text = '';
  }

  #take(text: string): readonly SqlItem[] {
    const { statements, unclosed } = cut(text);
    const last = statements.at(-1);
    // A semicolon more would belong to a statement that has not ended: inside parentheses, or in the body of a function.
    const ended = unclosed !== undefined || last === undefined || cut(`${text};`).statements.at(-1)?.text === last.text;
    const whole = ended ? statements : statements.slice(0, -1);
    const end = whole.at(-1);
    if (end !== undefined) this.#text = text.slice(end.start + end.text.length);
    return whole.map(asItem);
  }
}

function asItem({ text, words }: { readonly text: string; readonly words: readonly string[] }): SqlItem {
  return { kind: 'statement', text, words };
}
