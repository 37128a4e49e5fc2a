/** A revision as the steps it is run in: each part a transaction, or, with `transaction: off`, each statement by itself. */
import { checksumOf, type Direction, type Revision } from './revision.ts';
import type { RevisionFunction } from './revision-code.ts';
import { cut, type SqlStatement } from './statements.ts';

/** What is run, and recorded, at once. */
export interface Step {
  readonly text: string;
  /** The line of the file on which it begins. */
  readonly line: number;
  /** Its statements, their lines counted in the file. */
  readonly statements: readonly SqlStatement[];
  /** What runs in their place, when the revision is written in TypeScript. */
  readonly code?: RevisionFunction | undefined;
}

/** The steps of a revision in one direction. */
export function stepsOf(revision: Revision, direction: Direction): readonly Step[] {
  if (revision.code !== undefined) return [{ text: '', line: 1, statements: [], code: revision.code[direction] }];
  const parts = revision[direction].map((text, index) => {
    const line = revision.lines[direction][index] ?? 1;
    const statements = cut(text).statements.map((statement) => ({ ...statement, line: line + statement.line - 1 }));
    return { text, line, statements };
  });
  if (revision.transaction) return parts;
  return parts.flatMap((part) =>
    part.statements.map((statement) => ({ text: statement.text, line: statement.line, statements: [statement] })),
  );
}

/** The checksum that is recorded after `done` steps: of the file when all are run; before, of what was run, so that the rest may still be corrected. */
export function checksumAfter(revision: Revision, steps: readonly Step[], done: number): string {
  if (done >= steps.length) return revision.checksum;
  return checksumOf(
    steps
      .slice(0, done)
      .map((step) => step.text)
      .join('\n-- commit\n'),
  );
}
