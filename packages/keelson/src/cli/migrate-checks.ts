/** What `migrate check`, `lint`, `drift` and `squash` do: they try the revisions in databases that are thrown away. */
import { readRevisions } from '../migrate/folder.ts';
import { check as checkRevisions } from '../migrate/lint/check.ts';
import { drift as findDrift } from '../migrate/lint/drift.ts';
import type { Finding } from '../migrate/lint/finding.ts';
import { lintRevisions } from '../migrate/lint/lint.ts';
import { squash as squashRevisions } from '../migrate/lint/squash.ts';
import { placeOf } from '../migrate/reference.ts';
import type { Revision } from '../migrate/revision.ts';
import { type Context, shownPath } from './context.ts';
import { withConnection } from './database.ts';
import { exitCodes } from './failure.ts';
import { plainText, renderJson } from './output.ts';
import { countFindings, hintFor, showFindings } from './plan-show.ts';
import { refuseInProduction, withShadows } from './shadow-server.ts';

interface Json {
  readonly json?: true;
}

/** Asks whatever CI should ask of the migrations; gives 1 when something keeps them from being merged. */
export async function check(context: Context, options: Json): Promise<number> {
  const { app, output } = context;
  output.progress('Checking …');
  const { migrationsDirectory: directory, namespace, tables, objects } = app;
  const findings = await withShadows(context, (shadows) => checkRevisions({ shadows, directory, namespace, tables, objects }));
  return sayFindings(context, findings, options);
}

/** Prints what revisions would do to the service that runs, by default all but the first; gives 1 when one must not go on like that. */
export async function lint(context: Context, references: readonly string[], options: Json): Promise<number> {
  const { app, output } = context;
  const revisions = await readRevisions(app.migrationsDirectory);
  const only = references.length === 0 ? undefined : references.map((reference) => idOf(revisions, reference));
  output.progress('Trying every statement …');
  const findings = await withShadows(context, (shadows) =>
    lintRevisions({ shadows, revisions, namespace: app.namespace, only, tables: app.tables }),
  );
  return sayFindings(context, findings, options);
}

/** Prints where the live database differs from its revisions; gives 1 when it does. */
export async function drift(context: Context, options: Json): Promise<number> {
  const { app, output } = context;
  const revisions = await readRevisions(app.migrationsDirectory);
  const differences = await withConnection(
    context,
    (live) => withShadows(context, (shadows) => findDrift({ live, shadows, revisions, namespace: app.namespace })),
    // A catalog of many tables may take longer than a call.
    { statementTimeoutMs: 60_000 },
  );
  if (options.json) output.data(renderJson({ differences }));
  else if (differences.length === 0) output.talk('The database is as its revisions make it.');
  else {
    output.data(differences.map(plainText).join('\n'));
    output.talk('hint:  Undo by hand what was done by hand, or write it into the tables and make a revision of it: migrate new.');
  }
  return differences.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** Replaces all revisions by one that makes the same. */
export async function squash(context: Context, title: string, options: Json & { readonly acceptData?: true }): Promise<void> {
  const { app, output } = context;
  refuseInProduction(context, 'Revisions are not squashed');
  const { migrationsDirectory: directory, namespace } = app;
  output.progress('Squashing …');
  const { file, removed } = await withShadows(context, (shadows) =>
    squashRevisions({ shadows, directory, namespace, name: title, acceptData: options.acceptData ?? false }),
  );
  if (options.json) {
    output.data(renderJson({ file, removed }));
    return;
  }
  output.talk(removed.map((each) => `${output.paint.talk('red', '-')} ${shownPath(each)}`).join('\n'));
  output.data(shownPath(file));
}

function sayFindings(context: Context, findings: readonly Finding[], { json }: Json): number {
  const { output } = context;
  if (json) output.data(renderJson(findings));
  else {
    if (findings.length > 0) output.data(showFindings(findings, output.paint.data));
    output.talk([hintFor(findings), countFindings(findings)].filter((line) => line !== '').join('\n'));
  }
  return findings.some(({ severity }) => severity === 'error') ? exitCodes.failed : exitCodes.ok;
}

/** The id of a revision that a person names. */
function idOf(revisions: readonly Revision[], reference: string): string {
  return revisions[placeOf(revisions, reference)]?.id ?? reference;
}
