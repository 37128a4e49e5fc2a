/** A finding of the lints: what a revision would do to the service that runs, and the way that does not. */

/** The rules, each with what it weighs: an error fails `migrate check`, a warning does not. */
export const rules = {
  'table-rewrite': 'error',
  'volatile-default': 'error',
  'index-blocks-writes': 'error',
  'foreign-key-scan': 'error',
  'check-scan': 'error',
  'not-null-scan': 'error',
  'table-drop': 'error',
  'column-drop': 'error',
  'enum-value-removed': 'error',
  'rows-deleted': 'error',
  'still-declared': 'error',
  'identity-counter': 'error',
  'fails-on-rows': 'error',
  'tenant-without-policy': 'error',
  'policy-without-effect': 'error',
  'lint-comment': 'error',
  'table-rename': 'warning',
  'column-rename': 'warning',
  'enum-value-rename': 'warning',
  'may-fail-on-rows': 'warning',
  'lock-held': 'warning',
  'scan-under-lock': 'warning',
  'backfill-at-once': 'warning',
  'no-primary-key': 'warning',
  // Of `migrate check` alone.
  files: 'error',
  'lock-file': 'error',
  replay: 'error',
  reversible: 'error',
  tables: 'error',
} as const satisfies Record<string, 'error' | 'warning'>;

/** The name of a rule. */
export type RuleName = keyof typeof rules;

/** What was found, where, and what to do instead. */
export interface Finding {
  readonly rule: RuleName;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** What PostgreSQL would do to the service that runs. */
  readonly message: string;
  /** SQL to copy, or what to do, where SQL cannot help. */
  readonly safeWay: string;
}

/** A finding of a rule, weighed as its rule is. */
export function found(rule: RuleName, at: { readonly file: string; readonly line: number }, message: string, safeWay: string): Finding {
  return { rule, severity: rules[rule], file: at.file, line: at.line, message, safeWay };
}

/** Whether a name is that of a rule. */
export function isRule(name: string): name is RuleName {
  return Object.hasOwn(rules, name);
}
