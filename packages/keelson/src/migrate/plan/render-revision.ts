/** A revision as text: what is said of it above, what it does, what takes it back. */
import { invalid } from '../failure.ts';
import { TEMPLATE } from '../folder.ts';
import type { Parts } from './plan-way.ts';
import { readableStatement } from '../sql-text.ts';

/** What a revision consists of. */
export interface RevisionParts {
  /** In words. */
  readonly name: string;
  readonly kind: 'expand' | 'indexes' | 'contract';
  readonly up: Parts;
  readonly down: Parts;
  readonly template?: string | undefined;
}

const USUAL_TEMPLATE = `-- {{name}}

-- up
{{up}}

-- down
{{down}}
`;

/**
 * The text of a revision.
 *
 * @throws MIGRATION_INVALID when the template lacks a place for `{{up}}` or `{{down}}`
 */
export function renderRevision({ name, kind, up, down, template = USUAL_TEMPLATE }: RevisionParts): string {
  const values: Readonly<Record<string, string>> = { name, up: renderParts(up), down: renderParts(down) };
  for (const key of ['up', 'down']) {
    if (!template.includes(`{{${key}}}`)) throw invalid(TEMPLATE, undefined, `it has no {{${key}}}, where the statements shall stand`);
  }
  const text = template.replaceAll(/\{\{(name|up|down)\}\}/g, (_, key: string) => values[key] ?? '');
  const setting = SETTINGS[kind];
  return setting === undefined ? text : withSetting(text, setting);
}

const SETTINGS: Readonly<Record<RevisionParts['kind'], string | undefined>> = {
  expand: undefined,
  indexes: '-- transaction: off\n',
  contract: '-- phase: contract\n',
};

/** Statements in paragraphs: those of several lines stand apart. */
function renderParts(parts: Parts): string {
  const texts = parts.map((statements) => {
    let text = '';
    let wasLong = false;
    for (const [index, statement] of statements.map(readableStatement).entries()) {
      const isLong = statement.includes('\n');
      if (index > 0) text += isLong || wasLong ? '\n\n' : '\n';
      text += statement;
      wasLong = isLong;
    }
    return text;
  });
  return texts.length === 0 ? 'select 1;' : texts.join('\n-- commit\n');
}

/** The setting stands below the words that begin the file, or, where a template has other things there, right above the marker. */
function withSetting(text: string, setting: string): string {
  const usual = /^(?:--[^\n]*\n)+(?=\n-- up\n)/.exec(text)?.[0];
  return usual === undefined
    ? text.replace(/^[ \t]*--[ \t]*up[ \t]*$/im, (marker) => `${setting}${marker}`)
    : `${usual}${setting}${text.slice(usual.length)}`;
}
