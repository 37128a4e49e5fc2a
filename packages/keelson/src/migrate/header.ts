/** The header of a revision: settings as `-- key: value` lines above `-- up`; every other comment there is prose. */
import type { KeelsonError } from '../errors.ts';
import { invalid } from './failure.ts';
import type { LineComment } from './statements.ts';

/** What a header can say. */
export interface Header {
  readonly transaction: boolean;
  readonly irreversibleReason: string | undefined;
  readonly phase: 'expand' | 'contract';
  readonly replaces: readonly string[];
}

/** One word and a colon make a setting, so that a misspelt one is never taken for prose. */
const SETTING = /^--[ \t]*([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*))?$/;
const HINT =
  'Above `-- up` may stand `-- transaction: off`, `-- irreversible: why`, `-- phase: contract`, `-- replaces: id id`; prose must not begin with one word and a colon.';
const KEYS: ReadonlySet<string> = new Set(['transaction', 'irreversible', 'phase', 'replaces']);
const ID_LENGTH = 'YYYYMMDDTHHMM'.length;
/** An id of a revision, or its whole name. */
const REPLACED = /^(\d{8}T\d{4})(?:_[a-z0-9_]+)?$/;

/**
 * Reads the settings above `-- up`, which begins at `end`, and refuses settings below it.
 *
 * @throws MIGRATION_INVALID for unknown keys and values, a key given twice, and a setting in the wrong place
 */
export function parseHeader(file: string, comments: readonly LineComment[], end: number): Header {
  const settings = new Map<string, string>();
  for (const comment of comments) {
    const [, word, rest] = SETTING.exec(comment.text.trimEnd()) ?? [];
    if (word === undefined) continue;
    const key = word.toLowerCase();
    if (comment.start > end) {
      if (KEYS.has(key)) throw refused(file, comment, `the setting \`${key}\` stands below \`-- up\`, where it has no effect`);
      continue;
    }
    if (!KEYS.has(key)) throw refused(file, comment, `\`${word}\` is not a setting of a revision`);
    if (settings.has(key)) throw refused(file, comment, `the setting \`${key}\` is given twice`);
    settings.set(key, checked(file, comment, key, (rest ?? '').trim()));
  }
  return {
    transaction: settings.get('transaction') !== 'off',
    irreversibleReason: settings.get('irreversible'),
    phase: settings.get('phase') === 'contract' ? 'contract' : 'expand',
    replaces:
      settings
        .get('replaces')
        ?.split(/[\s,]+/)
        .map((name) => name.slice(0, ID_LENGTH)) ?? [],
  };
}

function checked(file: string, comment: LineComment, key: string, value: string): string {
  if (key === 'irreversible') {
    if (value === '') throw refused(file, comment, '`irreversible` needs a reason: `-- irreversible: the old values are gone`');
    return value;
  }
  if (key === 'replaces') {
    const odd = value.split(/[\s,]+/).find((name) => !REPLACED.test(name));
    if (odd !== undefined) throw refused(file, comment, `\`replaces\` lists the ids of revisions; ${JSON.stringify(odd)} is none`);
    return value;
  }
  const allowed = key === 'transaction' ? ['on', 'off'] : ['expand', 'contract'];
  if (!allowed.includes(value)) throw refused(file, comment, `\`${key}\` is ${allowed.join(' or ')}, not ${JSON.stringify(value)}`);
  return value;
}

function refused(file: string, { line }: LineComment, what: string): KeelsonError {
  return invalid(file, line, what, HINT);
}
