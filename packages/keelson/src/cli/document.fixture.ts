/** The document of the commands, as its tests read it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './sample.fixture.ts';

const document = readFileSync(path.join(root, 'docs/commands.md'), 'utf8');

/** The rows of the table that has this head, each without its bars. */
export function rowsBelow(head: string): string[][] {
  const [, below = ''] = document.split(head);
  const table = /^\|---[^\n]*\n((?:\|[^\n]*\n)+)/mu.exec(below)?.[1] ?? '';
  return table
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split(/(?<!\\)\|/u)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
