/** The rule about statements that run on empty tables only. */
import type { Revision } from '../revision.ts';
import { type Finding, found } from './finding.ts';
import type { TraceFailure } from './trace.ts';

/** What is said of a statement that failed on rows; of rows made up, so that only what fails on any row is certain. */
export function failureFinding(revision: Revision, { statement, sqlState, message }: TraceFailure): Finding {
  const at = { file: revision.file, line: statement.line };
  if (sqlState === '23502') {
    const way = [
      '-- give the column a default, or let it be null until every row has a value:',
      'alter table … add column … ;',
      '-- fill it in batches, in a revision in TypeScript; then, in a further revision:',
      'alter table … add constraint …_not_null check (… is not null) not valid;',
      '-- commit',
      'alter table … validate constraint …_not_null;',
    ];
    return found('fails-on-rows', at, `It fails as soon as the table has a row: ${message}.`, way.join('\n'));
  }
  const way = '-- look on the live database for rows that do not fit, and correct them in a revision before this one.';
  return found('may-fail-on-rows', at, `It ran on empty tables, and failed on made-up rows: ${message}.`, way);
}
