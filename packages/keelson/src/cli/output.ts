/** Where a command writes: standard output is data, standard error is talk. */
import { stripVTControlCharacters, styleText } from 'node:util';

/** Where a command writes. */
export interface Output {
  /** What was asked for. */
  data(text: string): void;
  /** What is said about it: notices, errors. */
  talk(text: string): void;
  /** What is done at this moment, for a person who waits; unsaid where nobody watches. */
  progress(text: string): void;
  /** Colours for words of the one and the other, where that is read on a terminal and NO_COLOR is not set. */
  readonly paint: { readonly data: Paint; readonly talk: Paint };
}

/** A word in a colour. */
export type Paint = (colour: Colour, word: string) => string;

/** What a colour says: red goes or failed, green comes, yellow changes or warns. */
export type Colour = 'red' | 'green' | 'yellow';

/** The output of this process. */
export function processOutput(): Output {
  // A reader that has seen enough (`| head`) is no fault.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosed);
  return {
    data: (text) => void process.stdout.write(`${text}\n`),
    talk: (text) => void process.stderr.write(`${text}\n`),
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
    },
    paint: { data: paintFor(process.stdout), talk: paintFor(process.stderr) },
  };
}

/** Rows with their columns in line. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A value as JSON for a script; keys are snake_case, as on the wire. */
export function renderJson(value: unknown): string {
  return JSON.stringify(inSnakeCase(value), undefined, 2);
}

/** A text from elsewhere, so that it cannot move the cursor or colour the terminal. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text);
}

function paintFor(stream: NodeJS.WriteStream): Paint {
  return (colour, word) => styleText(colour, word, { stream });
}

function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), inSnakeCase(each)]),
  );
}

function ignoreClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
