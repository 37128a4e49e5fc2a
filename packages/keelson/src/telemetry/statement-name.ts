/** Statement names: what a statement is called where it is measured, without anything that it says of values. */

/** What a statement is called. */
export interface StatementName {
  /** Its kind, of a short list: `SELECT`, `UPDATE`, `COMMIT` …, or `OTHER`. */
  readonly operation: string;
  /** Its kind and the first table that it names. @see https://opentelemetry.io/docs/specs/semconv/database/database-spans/, "Generating a summary" */
  readonly summary: string;
}

const OPERATIONS: ReadonlySet<string> = new Set(
  'ALTER BEGIN CALL COMMIT COPY CREATE DELETE DO DROP EXPLAIN INSERT LISTEN LOCK MERGE NOTIFY RELEASE ROLLBACK SAVEPOINT SELECT SET SHOW TRUNCATE UPDATE VALUES WITH'.split(
    ' ',
  ),
);

/** Statements with a table behind one of these words; a subquery has a parenthesis there and is passed over. */
const TABLE = /\b(?:from|into|update|join|table|merge into)\s+(?:only\s+)?((?:"[^"]+"|[a-z_][\w$]*)(?:\.(?:"[^"]+"|[a-z_][\w$]*))?)/iu;
const HAS_TABLE: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'WITH', 'COPY', 'LOCK', 'TRUNCATE']);
const TEXT_READ_MAX = 4_000;
const KNOWN_MAX = 2_000;

/** Names statements by their text, and remembers the names. */
export class StatementNames {
  readonly #known = new Map<string, StatementName>();

  of(text: string): StatementName {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const name = nameOf(text.slice(0, TEXT_READ_MAX));
    if (this.#known.size < KNOWN_MAX) this.#known.set(text, name);
    return name;
  }
}

function nameOf(text: string): StatementName {
  const word = /^\s*(?:--[^\n]*\n\s*|\/\*.*?\*\/\s*)*([a-z]+)/isu.exec(text)?.[1]?.toUpperCase() ?? '';
  const operation = OPERATIONS.has(word) ? word : 'OTHER';
  const table = HAS_TABLE.has(operation) ? TABLE.exec(text)?.[1]?.replaceAll('"', '') : undefined;
  return { operation, summary: table === undefined ? operation : `${operation} ${table}` };
}
