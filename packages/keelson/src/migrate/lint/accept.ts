/** Findings that the author of a revision accepts: `-- lint: rule-name reason` on the line above the statement. */
import { type Finding, found, isRule, type RuleName } from './finding.ts';
import { stepsOf } from '../steps.ts';
import { cut, type SqlStatement } from '../statements.ts';
import type { Revision } from '../revision.ts';

/** A word of acceptance. */
interface Acceptance {
  readonly rule: string;
  readonly reason: string;
  readonly line: number;
  /** The statement that it stands above; undefined when none follows. */
  readonly statement: SqlStatement | undefined;
}

const COMMENT = /^--[ \t]*lint[ \t]*:[ \t]*(\S*)[ \t]*(.*)$/i;

/** Takes away what the revision accepts, and adds what is wrong with its words of acceptance. */
export function applyAcceptances(revision: Revision, findings: readonly Finding[]): readonly Finding[] {
  const acceptances = acceptancesOf(revision);
  const used = new Set<Acceptance>();
  const left = findings.filter((finding) => {
    const covering = acceptances.find((acceptance) => covers(acceptance, finding));
    if (covering !== undefined) used.add(covering);
    return covering === undefined;
  });
  const wrong = acceptances.flatMap((acceptance) => problemOf(acceptance, used.has(acceptance), revision.file));
  return [...left, ...wrong].toSorted((a, b) => a.line - b.line);
}

function acceptancesOf(revision: Revision): readonly Acceptance[] {
  return revision.up.flatMap((text, part) => {
    const shift = (revision.lines.up[part] ?? 1) - 1;
    const statements = stepsOf({ ...revision, up: [text], lines: { ...revision.lines, up: [shift + 1] } }, 'up').flatMap(
      (step) => step.statements,
    );
    return cut(text).comments.flatMap((comment) => {
      const [, rule, reason = ''] = COMMENT.exec(comment.text.trimEnd()) ?? [];
      if (rule === undefined) return [];
      const line = comment.line + shift;
      return [{ rule, reason, line, statement: statements.find((statement) => lastLine(statement) >= line) }];
    });
  });
}

/** A comment inside a statement belongs to it as well. */
function lastLine({ line, text }: SqlStatement): number {
  return line + text.split('\n').length - 1;
}

function covers({ rule, reason, statement }: Acceptance, finding: Finding): boolean {
  return statement?.line === finding.line && rule === finding.rule && reason !== '';
}

function problemOf({ rule, reason, line, statement }: Acceptance, isUsed: boolean, file: string): readonly Finding[] {
  const way = '-- lint: table-rewrite the table has ten rows';
  const problem = (message: string): readonly Finding[] => [found('lint-comment', { file, line }, message, way)];
  if (!isKnown(rule)) return problem(`There is no rule ${JSON.stringify(rule)} to accept.`);
  if (reason === '') return problem(`Why ${rule} is accepted is not said.`);
  if (statement === undefined) return problem(`No statement follows that could be accepted.`);
  return isUsed ? [] : problem(`Nothing is found by ${rule} in the statement below; remove the comment.`);
}

function isKnown(rule: string): rule is RuleName {
  return isRule(rule);
}
