/** Findings as text for a person: where, what would happen, and the safe way. */
import type { Finding } from './finding.ts';

/** Findings as text, one paragraph each. */
export function renderFindings(findings: readonly Finding[]): string {
  return findings.map(renderFinding).join('\n\n');
}

function renderFinding({ rule, severity, file, line, message, safeWay }: Finding): string {
  const way = safeWay.split('\n').map((text) => `    ${text}`.trimEnd());
  return [`${file}:${line}: ${severity} [${rule}]`, `  ${message}`, '  The safe way:', ...way].join('\n');
}
