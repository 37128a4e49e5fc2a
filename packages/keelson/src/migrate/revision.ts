/** A revision: one file, plain SQL or TypeScript, with what brings the database a step further, and what takes the step back. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { invalid } from './failure.ts';
import { parseName } from './file-name.ts';
import { parseHeader } from './header.ts';
import type { RevisionCode } from './revision-code.ts';
import { type Cut, cut, type LineComment, type SqlStatement } from './statements.ts';

/** Which way a revision is run. */
export type Direction = 'up' | 'down';

/** A revision, read and found in order. */
export interface Revision {
  /** `20261120T1030`; revisions run in the order of their ids. */
  readonly id: string;
  readonly slug: string;
  /** The path of its file, as it was given. */
  readonly file: string;
  /** The SQL of each part; every part is a transaction of its own. */
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** The line of the file on which each part begins, from 1. */
  readonly lines: { readonly up: readonly number[]; readonly down: readonly number[] };
  /** SHA-256 of the text, in hexadecimal, the same whatever the line ends are. */
  readonly checksum: string;
  /** False: its statements run one by one, outside a transaction. */
  readonly transaction: boolean;
  readonly irreversible: boolean;
  /** Why it cannot be taken back; undefined when it can. */
  readonly irreversibleReason: string | undefined;
  /** `contract` takes something away that the running code may still use. */
  readonly phase: 'expand' | 'contract';
  /** The ids of the revisions in whose place it stands, after a squash; a database that has them all takes it as applied. */
  readonly replaces: readonly string[];
  /** Its functions, when it is written in TypeScript; `up` and `down` are empty then. */
  readonly code: RevisionCode | undefined;
}

interface Marker {
  readonly word: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

interface Part {
  readonly text: string;
  readonly line: number;
}

/** How large one file may be. */
export const FILE_BYTES_MAX = 8 * 1024 * 1024;

const MARKER = /^--[ \t]*(up|down|commit)[ \t]*$/i;

/**
 * Reads the text of a revision's file.
 *
 * @throws MIGRATION_INVALID naming file and line, and what to do
 * @example
 * import { parseRevision } from 'keelson/migrate';
 * const revision = parseRevision('20261120T1030_hats.sql', '-- up\ncreate table hats (size int);\n-- down\ndrop table hats;\n');
 */
export function parseRevision(file: string, source: string): Revision {
  const name = parseName(basename(file));
  if (name === null) throw invalid(file, undefined, 'the name of a revision is YYYYMMDDTHHMM_slug.sql, with a slug of a-z, 0-9 and _');
  if (source.length > FILE_BYTES_MAX) throw invalid(file, undefined, `it has more than ${FILE_BYTES_MAX} characters; move data out of it`);
  const text = normalise(source);
  const nul = text.indexOf('\0');
  if (nul !== -1) throw invalid(file, lineOf(text, nul), 'there is a NUL character; save the file as UTF-8 text');
  const { statements, comments, unclosed } = cut(text);
  if (unclosed !== undefined) throw invalid(file, unclosed.line, `a ${unclosed.what} begins here and is never closed`);
  const markers = markersOf(file, comments);
  const above = statements.find((statement) => statement.start < (markers[0]?.start ?? 0));
  if (above !== undefined) throw invalid(file, above.line, 'SQL stands above the line `-- up`; move it below');
  const header = parseHeader(file, comments, markers[0]?.start ?? 0);
  for (const statement of statements) refuseUnfit(file, statement);
  const down = markers.findIndex((marker) => marker.word === 'down');
  const split = down === -1 ? markers.length : down;
  const parts = partsOf(file, text, { markers, statements });
  const [ups, downs] = [parts.slice(0, split), parts.slice(split)];
  refuseContradictions(file, { ...header, down, split, markers });
  return {
    ...name,
    file,
    up: ups.map((part) => part.text),
    down: downs.map((part) => part.text),
    lines: { up: ups.map((part) => part.line), down: downs.map((part) => part.line) },
    checksum: checksumOf(text),
    ...header,
    irreversible: header.irreversibleReason !== undefined,
    code: undefined,
  };
}

/** SHA-256 of a text, in hexadecimal. */
export function checksumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The same text whatever editor and checkout wrote it: no byte order mark, line feeds, one line feed at the end. */
export function normalise(source: string): string {
  return `${source
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .trimEnd()}\n`;
}

function markersOf(file: string, comments: readonly LineComment[]): Marker[] {
  const markers = comments.flatMap(({ text, line, start, end }) => {
    const word = MARKER.exec(text)?.[1]?.toLowerCase();
    return word === undefined ? [] : [{ word, line, start, end }];
  });
  const [first] = markers;
  if (first === undefined) throw invalid(file, 1, 'there is no line `-- up`; what the revision does stands below it');
  if (first.word !== 'up') throw invalid(file, first.line, `\`-- ${first.word}\` stands above \`-- up\`; the order is up, down`);
  for (const word of ['up', 'down']) {
    const second = markers.filter((marker) => marker.word === word)[1];
    if (second !== undefined) throw invalid(file, second.line, `there is a second line \`-- ${word}\`; one of each is allowed`);
  }
  return markers;
}

function partsOf(
  file: string,
  text: string,
  { markers, statements }: { readonly markers: readonly Marker[]; readonly statements: Cut['statements'] },
): Part[] {
  return markers.map((marker, index) => {
    const end = markers[index + 1]?.start ?? text.length;
    const whole = text.slice(marker.end, end);
    const part = whole.trim();
    if (statements.some(({ start }) => start >= marker.end && start < end))
      return { text: part, line: lineOf(text, marker.end + whole.indexOf(part)) };
    const hint = 'If there is nothing to undo, say so with `select 1;`; if it cannot be undone, put `-- irreversible: why` above `-- up`.';
    throw invalid(file, marker.line, `there is no statement below \`-- ${marker.word}\``, marker.word === 'down' ? hint : undefined);
  });
}

interface Sections {
  readonly transaction: boolean;
  readonly irreversibleReason: string | undefined;
  readonly markers: readonly Marker[];
  readonly down: number;
  readonly split: number;
}

function refuseContradictions(file: string, { transaction, irreversibleReason, markers, down, split }: Sections): void {
  const last = markers[markers.length - 1];
  if (down === -1 && irreversibleReason === undefined) {
    const hint = 'Write what undoes it below a line `-- down`, or put `-- irreversible: why` above `-- up`.';
    throw invalid(file, last?.line, 'there is no line `-- down`', hint);
  }
  if (down !== -1 && irreversibleReason !== undefined) {
    throw invalid(file, markers[split]?.line, 'it is marked irreversible and has a `-- down`; remove one of the two');
  }
  const boundary = markers.find((marker) => marker.word === 'commit');
  if (!transaction && boundary !== undefined) {
    throw invalid(file, boundary.line, 'with `transaction: off` every statement is committed by itself; remove `-- commit`');
  }
}

const TRANSACTION_WORDS = new Set(['begin', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release']);

/** The word by which a statement would begin or end a transaction; undefined when it does neither. */
export function transactionWord({ words }: SqlStatement): string | undefined {
  const [first = '', second] = words;
  return TRANSACTION_WORDS.has(first) || ((first === 'start' || first === 'prepare') && second === 'transaction') ? first : undefined;
}

function refuseUnfit(file: string, statement: SqlStatement): void {
  const { text, line } = statement;
  if (text.startsWith('\\')) throw invalid(file, line, 'a revision is SQL; commands of psql such as `\\connect` are not known here');
  const word = transactionWord(statement);
  if (word !== undefined) {
    const hint = 'Put `-- commit` on a line of its own where one transaction ends and the next begins.';
    throw invalid(file, line, `\`${word}\`: the transaction belongs to the runner, a revision may not begin or end one`, hint);
  }
}

function lineOf(text: string, place: number): number {
  return text.slice(0, place).split('\n').length;
}
