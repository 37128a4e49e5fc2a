/** The first revision of an app, made from its tables. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { renderSchema } from '../schema/ddl.ts';
import { quoteName } from '../schema/sql.ts';
import type { AnyTable } from '../schema/table.ts';
import { invalid } from './failure.ts';
import { checkedSlug, idAt } from './file-name.ts';
import { listFiles, readText, TEMPLATE } from './folder.ts';
import { checkedNamespace } from './history.ts';
import { readableStatement } from './sql-text.ts';
import { parseRevision } from './revision.ts';

/** What a first revision is made from. */
export interface FirstRevisionOptions {
  readonly tables: readonly AnyTable[];
  readonly namespace: string;
  /** What it is called, in words; the slug is made of them. */
  readonly name: string;
  /** A text with `{{up}}`, `{{down}}`, and where wanted `{{name}}`, to be used instead of the usual one. */
  readonly template?: string | undefined;
}

/** Where to write a first revision, and what from. */
export interface WriteFirstRevisionOptions extends Omit<FirstRevisionOptions, 'template'> {
  readonly clock?: Clock | undefined;
}

const USUAL_TEMPLATE = `-- {{name}}
-- Made from the tables. The namespace itself is made by the migrator, before the first revision.

-- up
{{up}}

-- down
{{down}}
`;

/**
 * The text of a revision that makes all the tables, and, downwards, takes them away.
 *
 * @throws MISUSE when there are no tables, or two have one name
 * @throws MIGRATION_INVALID when the template lacks a place for `{{up}}` or `{{down}}`
 */
export function renderFirstRevision({ tables, namespace, name, template = USUAL_TEMPLATE }: FirstRevisionOptions): string {
  const { up, down } = renderSchema(tables, checkedNamespace(namespace));
  // `create schema if not exists` wants the right to create schemas even where nothing is to do, and an app's user may not have it.
  const statements = up.filter((statement) => statement !== `create schema if not exists ${quoteName(namespace)};`);
  if (tables.length === 0) {
    throw new KeelsonError('MISUSE', {
      message: 'There are no tables to make a revision from.',
      hint: 'List them in the model of the app.',
    });
  }
  const values: Readonly<Record<string, string>> = {
    name: checkedSlug(name).replaceAll('_', ' '),
    up: statements.map(readableStatement).join('\n\n'),
    down: down.map(readableStatement).join('\n'),
  };
  for (const key of ['up', 'down']) {
    if (!template.includes(`{{${key}}}`)) throw invalid(TEMPLATE, undefined, `it has no {{${key}}}, where the statements shall stand`);
  }
  return template.replaceAll(/\{\{(name|up|down)\}\}/g, (_, key: string) => values[key] ?? '');
}

/**
 * Writes the first revision into a folder, which is made when it is missing; gives the path of the file.
 *
 * A `template.sql` in the folder is used. The file appears whole or not at all.
 *
 * @throws MIGRATION_INVALID when the folder has a revision already
 */
export async function writeFirstRevision(directory: string, options: WriteFirstRevisionOptions): Promise<string> {
  const id = idAt((options.clock ?? systemClock).now());
  const name = `${id}_${checkedSlug(options.name)}.sql`;
  const file = join(directory, name);
  await mkdir(directory, { recursive: true });
  const [first] = await listFiles(directory);
  if (first !== undefined) {
    throw new KeelsonError('MIGRATION_INVALID', {
      message: `${directory} has revisions already (${first}); only the first one can be made from the tables.`,
      hint: 'Plan the next one from the differences: `keelson migrate new`.',
    });
  }
  const template = await templateOf(directory);
  const text = renderFirstRevision({ ...options, template });
  // What is written must also be readable; an own template may have broken it.
  parseRevision(file, text);
  const unfinished = join(directory, `.${name}.tmp`);
  await writeFile(unfinished, text, { flush: true });
  await rename(unfinished, file);
  return file;
}

async function templateOf(directory: string): Promise<string | undefined> {
  try {
    return await readText(join(directory, TEMPLATE));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
