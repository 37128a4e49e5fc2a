/** SQL as a person would write it: small letters, no needless quotes, long lists on lines of their own. */
import { type Token, tokenAt } from './statements.ts';
import { keywords } from './sql-text-keywords.ts';

interface Piece {
  readonly kind: Token['kind'];
  readonly text: string;
}

/** How long a line may grow before it is broken. */
const LINE_MAX = 100;

const PLAIN = /^[a-z_][a-z0-9_$]*$/;

/** A name, in quotes only where it needs them. */
export function readableName(name: string): string {
  return PLAIN.test(name) && !keywords.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The same SQL in small letters and without needless quotes. Texts, bodies of functions and comments stay as they are. */
export function readableSql(text: string): string {
  let done = '';
  let words = '';
  const pieces = piecesOf(text);
  for (const [index, piece] of pieces.entries()) {
    const readable = readablePiece(piece, pieces[index - 1]);
    if (WORDS.has(piece.kind)) words += readable;
    else {
      done += withShortTypes(words) + readable;
      words = '';
    }
  }
  return done + withShortTypes(words);
}

/** The pieces in which a type can stand. */
const WORDS: ReadonlySet<Piece['kind']> = new Set(['word', 'space', '(', ')', 'other']);

function withShortTypes(text: string): string {
  return TYPES.reduce((short, [long, name]) => short.replaceAll(long, name), text);
}

/** A statement, readable, with a semicolon, and with long lists broken into lines. */
export function readableStatement(statement: string): string {
  const readable = shortened(readableSql(statement.trim().replace(/;$/, '')));
  if (readable.includes('\n')) return `${readable};`;
  const isTable = readable.startsWith('create table ');
  if (!isTable && readable.length <= LINE_MAX) return `${readable};`;
  return `${isTable || readable.startsWith('create type ') ? broken(readable) : clauses(readable)};`;
}

/** The long names of types, and what everybody calls them. */
const TYPES = [
  [/\bcharacter varying\b/g, 'varchar'],
  [/\btimestamp(\(\d\))? with time zone\b/g, 'timestamptz$1'],
  [/\btimestamp(\(\d\))? without time zone\b/g, 'timestamp$1'],
  [/\btime(\(\d\))? without time zone\b/g, 'time$1'],
] as const;

/** Leaves out what PostgreSQL takes anyway, and what it adds when it prints a view. */
function shortened(text: string): string {
  if (text.startsWith('alter table ')) return text.replace(ADDED, '$1$2$3$4');
  if (/^create (?:unique )?index /.test(text)) return text.replace(/^([^']*?) using btree \(/, '$1 (');
  return text.replace(/^(create (?:or replace )?(?:materialized )?view .*? as) {2}(?=select|with)/, '$1\n');
}

/** A default of the type that its column has anyway. */
const ADDED = /^(alter table [^ ]+ add column [^ ]+ )([^ (]+)((?:\([0-9,]+\))?(?: not null)? default )('(?:[^']|'')*')::\2$/;

function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length;) {
    const { kind, end = text.length } = tokenAt(text, at);
    pieces.push({ kind, text: text.slice(at, end) });
    at = end;
  }
  return pieces;
}

function readablePiece({ kind, text }: Piece, before: Piece | undefined): string {
  // PostgreSQL folds these letters and no others.
  if (kind === 'word') return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
  if (kind !== 'quoted name') return text;
  // U&"…" has escapes in it.
  if (before?.text === '&') return text;
  const name = text.slice(1, -1).replaceAll('""', '"');
  return readableName(name);
}

/** Everything in the first parentheses, each element on a line of its own. */
function broken(text: string): string {
  let depth = 0;
  let lines = '';
  let skipsSpace = false;
  let isDone = false;
  for (const { kind, text: piece } of piecesOf(text)) {
    const opens = kind === '(' && !isDone && depth === 0;
    const closes = kind === ')' && !isDone && depth === 1;
    if (skipsSpace && kind === 'space') continue;
    skipsSpace = false;
    if (kind === '(') depth += 1;
    if (kind === ')') depth -= 1;
    if (closes) isDone = true;
    if (opens) lines += '(\n  ';
    else if (closes) lines += '\n)';
    else if (!isDone && depth === 1 && kind === 'other' && piece.endsWith(',')) lines += `${piece}\n  `;
    else {
      lines += piece;
      continue;
    }
    skipsSpace = !closes;
  }
  return lines;
}

const CLAUSE = /^(?:add constraint|foreign key|check|exclude|references|using|with check|for each row|where|on delete|to)$/;

/** Long statements that are no list: every clause begins a line. */
function clauses(text: string): string {
  const pieces = piecesOf(text);
  let depth = 0;
  let lines = '';
  for (const [index, { kind, text: piece }] of pieces.entries()) {
    if (kind === '(') depth += 1;
    if (kind === ')') depth -= 1;
    const next = pieces[index + 1]?.text ?? '';
    const two = `${next} ${pieces[index + 3]?.text ?? ''}`;
    const begins = kind === 'space' && depth === 0 && (CLAUSE.test(next) || CLAUSE.test(two)) && index > 4;
    lines += begins && !FIRST.test(two) ? '\n  ' : piece;
  }
  return lines;
}

/** Parts of statements that read like the beginning of a clause. */
const FIRST = /^(?:to public|using btree)$/;
