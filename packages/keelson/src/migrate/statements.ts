/** SQL text cut into its statements by the rules of psql: quotes, dollar quotes, comments, parentheses, bodies of SQL functions. */

/** One statement of a text, from its first word to its semicolon, where it has one. */
export interface SqlStatement {
  readonly text: string;
  /** The line of the text on which it begins, from 1. */
  readonly line: number;
  /** Its first bare words, in lower case. */
  readonly words: readonly string[];
}

/** A comment that has its line for itself. */
export interface LineComment {
  readonly text: string;
  readonly line: number;
  /** Where it begins and where it ends in the text. */
  readonly start: number;
  readonly end: number;
}

/** A quote or a comment that nothing closes. */
interface Unclosed {
  readonly line: number;
  readonly what: string;
}

/** What a text consists of. */
export interface Cut {
  readonly statements: readonly (SqlStatement & { readonly start: number })[];
  readonly comments: readonly LineComment[];
  readonly unclosed: Unclosed | undefined;
}

/** A piece of a text, as PostgreSQL reads it. */
export interface Token {
  readonly kind: 'space' | 'line comment' | 'block comment' | 'text' | 'quoted name' | 'word' | '(' | ')' | ';' | 'other';
  /** Where it ends; undefined when nothing closes it. */
  readonly end: number | undefined;
}

interface Open {
  readonly start: number;
  readonly line: number;
  readonly words: string[];
  /** Where its last token ends; comments that follow do not belong to it. */
  end: number;
  parentheses: number;
  blocks: number;
}

/** Enough to tell `create or replace function` and `create unique index concurrently if not exists "name"`. */
const WORDS_MAX = 12;

const SPACE = /[ \t\n\r\f\v]+/y;
const LINE_COMMENT = /--[^\n\r]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /[0-9][A-Za-z0-9_.]*/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const OTHER = /[^A-Za-z0-9_\u0080-\uffff'"$();/\- \t\n\r\f\v]+/y;
/** Two string constants with a line break between are one constant, and the second keeps the escapes of the first. */
const CONTINUED = /(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y;

/**
 * Cuts a text into statements and the comments between and in them. Nothing is judged: what does not parse, the server will say.
 *
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export function cut(text: string): Cut {
  const statements: (SqlStatement & { start: number })[] = [];
  const comments: LineComment[] = [];
  let open: Open | undefined;
  let line = 1;
  let lineStart = 0;
  const finish = (): void => {
    if (open !== undefined)
      statements.push({ text: text.slice(open.start, open.end), line: open.line, words: open.words, start: open.start });
    open = undefined;
  };
  for (let at = 0; at < text.length;) {
    const { kind, end } = tokenAt(text, at);
    if (end === undefined) return { statements, comments, unclosed: { line, what: kind } };
    if (kind === 'line comment') {
      if (text.slice(lineStart, at).trim() === '') comments.push({ text: text.slice(at, end), line, start: at, end });
    } else if (kind !== 'space' && kind !== 'block comment' && (kind !== ';' || open !== undefined)) {
      open ??= { start: at, line, words: [], end, parentheses: 0, blocks: 0 };
      open.end = end;
      if (kind === 'word') followWord(open, text.slice(at, end).toLowerCase());
      else if (kind === '(') open.parentheses += 1;
      else if (kind === ')') open.parentheses = Math.max(0, open.parentheses - 1);
      else if (kind === ';' && open.parentheses === 0 && open.blocks === 0) finish();
    }
    for (let next = text.indexOf('\n', at); next !== -1 && next < end; next = text.indexOf('\n', next + 1)) {
      line += 1;
      lineStart = next + 1;
    }
    at = end;
  }
  finish();
  return { statements, comments, unclosed: undefined };
}

function followWord(open: Open, word: string): void {
  if (open.words.length < WORDS_MAX) open.words.push(word);
  if (open.parentheses > 0 || !makesRoutine(open.words)) return;
  if (word === 'begin' || (word === 'case' && open.blocks > 0)) open.blocks += 1;
  else if (word === 'end' && open.blocks > 0) open.blocks -= 1;
}

/** Only in the body of such a function (`begin atomic … end`) does a semicolon not end the statement. */
function makesRoutine(words: readonly string[]): boolean {
  const at = words[1] === 'or' && words[2] === 'replace' ? 3 : 1;
  return words[0] === 'create' && (words[at] === 'function' || words[at] === 'procedure');
}

/** The token that begins at a place of a text. */
export function tokenAt(text: string, at: number): Token {
  const first = text[at];
  const space = endOf(SPACE, text, at);
  if (space !== undefined) return { kind: 'space', end: space };
  if (first === '(' || first === ')' || first === ';') return { kind: first, end: at + 1 };
  if (text.startsWith('--', at)) return { kind: 'line comment', end: endOf(LINE_COMMENT, text, at) };
  if (text.startsWith('/*', at)) return { kind: 'block comment', end: blockCommentEnd(text, at) };
  if (first === "'") return { kind: 'text', end: quoteEnd(text, at + 1, "'") };
  if (first === '"') return { kind: 'quoted name', end: quoteEnd(text, at + 1, '"') };
  if ((first === 'e' || first === 'E') && text[at + 1] === "'") return { kind: 'text', end: escapedEnd(text, at + 2) };
  const word = endOf(WORD, text, at);
  if (word !== undefined) return { kind: 'word', end: word };
  const tag = endOf(DOLLAR, text, at);
  if (tag !== undefined) return { kind: 'text', end: dollarEnd(text, tag, text.slice(at, tag)) };
  return { kind: 'other', end: endOf(NUMBER, text, at) ?? endOf(OTHER, text, at) ?? at + 1 };
}

function endOf(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function blockCommentEnd(text: string, at: number): number | undefined {
  let depth = 0;
  for (let place = at; place < text.length;) {
    if (text.startsWith('/*', place)) {
      depth += 1;
      place += 2;
    } else if (text.startsWith('*/', place)) {
      depth -= 1;
      place += 2;
      if (depth === 0) return place;
    } else place += 1;
  }
  return undefined;
}

function quoteEnd(text: string, from: number, quote: string): number | undefined {
  for (let place = text.indexOf(quote, from); place !== -1; place = text.indexOf(quote, place + 2)) {
    if (text[place + 1] !== quote) return place + 1;
  }
  return undefined;
}

function escapedEnd(text: string, from: number): number | undefined {
  for (let place = from; place < text.length; place += 1) {
    if (text[place] === '\\') place += 1;
    else if (text[place] === "'") {
      if (text[place + 1] === "'") place += 1;
      else {
        const next = endOf(CONTINUED, text, place + 1);
        if (next === undefined) return place + 1;
        place = next - 1;
      }
    }
  }
  return undefined;
}

function dollarEnd(text: string, from: number, tag: string): number | undefined {
  const place = text.indexOf(tag, from);
  return place === -1 ? undefined : place + tag.length;
}
