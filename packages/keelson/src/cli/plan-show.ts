/** Plans, questions and findings as a person reads them. */
import type { Finding, RuleName } from '../migrate/lint/finding.ts';
import type { PlanLine } from '../migrate/plan/lines.ts';
import type { Question } from '../migrate/plan/question.ts';
import { shownPath } from './context.ts';
import { type Colour, type Paint, plainText } from './output.ts';

const colours = { '+': 'green', '-': 'red', '~': 'yellow' } as const satisfies Record<PlanLine['sign'], Colour>;

/** The lines of a plan, each with its sign and table. */
export function showLines(lines: readonly PlanLine[], paint: Paint): string {
  const width = Math.max(0, ...lines.map(({ table }) => table.length));
  return lines
    .map(({ sign, table, text }) => `${paint(colours[sign], sign)} ${table.padEnd(width)}  ${oneLine(text)}`.trimEnd())
    .join('\n');
}

/** Questions with the options that answer them, for one who is not asked. */
export function showQuestions(questions: readonly Question[]): string {
  const blocks = questions.map(({ message, renames, drop }) =>
    [plainText(message), ...[...renames, drop].map((option) => `  ${plainText(option)}`)].join('\n'),
  );
  return blocks.join('\n');
}

/** Findings, each with its place, what happens, and the safe way to copy. */
export function showFindings(findings: readonly Finding[], paint: Paint): string {
  return findings.map((finding) => showFinding(finding, paint)).join('\n');
}

function showFinding({ file, line, severity, rule, message, safeWay }: Finding, paint: Paint): string {
  const head = `${shownPath(file)}:${line}: ${paint(severity === 'error' ? 'red' : 'yellow', severity)} ${rule}: ${plainText(message)}`;
  if (safeWay === '') return head;
  return [
    head,
    ...plainText(safeWay)
      .split('\n')
      .map((each) => `    ${each}`.trimEnd()),
  ].join('\n');
}

/** What only `migrate check` finds: nobody can accept it. */
const unacceptable: ReadonlySet<string> = new Set([
  'files',
  'lock-file',
  'replay',
  'reversible',
  'tables',
  'lint-comment',
] satisfies RuleName[]);

/** What can be done about findings; empty where each says it all. */
export function hintFor(findings: readonly Finding[]): string {
  const acceptable = findings.find(({ rule }) => !unacceptable.has(rule));
  if (acceptable === undefined) return '';
  return `hint:  Go the safe way, or say on the line above the statement why not: -- lint: ${acceptable.rule} and the reason. After an edit: migrate repair.`;
}

/** How many there are of each, in words. */
export function countFindings(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  const words = [errors === 0 ? [] : counted(errors, 'error'), warnings === 0 ? [] : counted(warnings, 'warning')].flat();
  return words.length === 0 ? 'Nothing was found.' : `${words.join(' and ')}.`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function oneLine(text: string): string {
  return plainText(text).replaceAll(/\s*\n\s*/gu, ' ');
}
