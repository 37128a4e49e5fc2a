/** What `migrate new` does: plans the next revisions, asks what may not be guessed, shows them, and writes them. */
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import { checkedSlug, idAt } from '../migrate/file-name.ts';
import { readRevisions, readText, TEMPLATE } from '../migrate/folder.ts';
import type { Finding } from '../migrate/lint/finding.ts';
import { lintRevisions } from '../migrate/lint/lint.ts';
import { checkLock, LOCK_FILE, writeLock } from '../migrate/lock-file.ts';
import { plan, type Planned, type PlannedFile, type PlanRequest } from '../migrate/plan/plan.ts';
import type { Shadows } from '../migrate/plan/shadow.ts';
import type { Revision } from '../migrate/revision.ts';
import { renderSchema } from '../schema/ddl.ts';
import { type Context, shownPath } from './context.ts';
import { type EmptyKind, emptyRevision } from './empty-revision.ts';
import { exitCodes } from './failure.ts';
import { renderJson } from './output.ts';
import { answerQuestions } from './plan-questions.ts';
import { hintFor, showFindings, showLines, showQuestions } from './plan-show.ts';
import { refuseInProduction, withShadows } from './shadow-server.ts';

/** What may be said to `migrate new`. */
export interface NewOptions {
  readonly json?: true;
  readonly rename?: readonly string[];
  readonly drop?: readonly string[];
  readonly empty?: EmptyKind;
}

type Plan = Extract<Planned, { readonly kind: 'plan' }>;

/** Each round answers at least one question. */
const ROUNDS_MAX = 20;
const MINUTE_MS = 60_000;

/**
 * Writes the next revisions, from the difference between the tables and the revisions so far; gives 2 when something has to be asked and
 * nobody can be.
 *
 * @throws USAGE in production; SHADOW_UNAVAILABLE, PLANNER_MISSING, PLAN_FAILED, MIGRATION_NOT_PROVED, MIGRATION_INVALID
 */
export async function writeNew(context: Context, title: string, options: NewOptions): Promise<number> {
  const { app, output } = context;
  refuseInProduction(context, 'A migration is not planned');
  const slug = checkedSlug(title);
  const directory = app.migrationsDirectory;
  await mkdir(directory, { recursive: true });
  const revisions = await readRevisions(directory);
  await refuseUnlocked(directory, revisions);
  if (options.empty !== undefined) return writeEmpty(context, slug, { revisions, kind: options.empty, json: options.json });
  output.progress('Planning …');
  return withShadows(context, async (shadows) => {
    const request: PlanRequest = {
      shadows,
      revisions,
      namespace: app.namespace,
      target: renderSchema(app.tables, app.namespace, app.objects).up,
      renames: options.rename ?? [],
      drops: options.drop ?? [],
      name: title,
      id: nextId(revisions),
      template: await templateOf(directory),
    };
    const planned = await planWithAnswers(context, request, options);
    if (planned.kind === 'nothing') return sayNothing(context, options);
    if (planned.kind === 'questions') return refuseQuestions(context, planned.questions, options);
    const findings = await findingsOf(context, shadows, { revisions, planned });
    const files = await writePlanned(directory, revisions, planned.files);
    sayPlan(context, { planned, findings, files }, options);
    return exitCodes.ok;
  });
}

/** Plans until nothing has to be asked any more; without a terminal, or for a script, once. */
async function planWithAnswers(context: Context, request: PlanRequest, options: NewOptions): Promise<Planned> {
  const renames = [...(request.renames ?? [])];
  const drops = [...(request.drops ?? [])];
  // bounded by: ROUNDS_MAX
  for (let round = 1; ; round += 1) {
    const planned = await plan({ ...request, renames, drops });
    const mayAsk = context.input.terminal && options.json !== true && round < ROUNDS_MAX;
    if (planned.kind !== 'questions' || !mayAsk) return planned;
    const answers = await answerQuestions(context, planned.questions);
    renames.push(...answers.renames);
    drops.push(...answers.drops);
    context.output.progress('Planning …');
  }
}

/**
 * What is new is written on what everybody has: not on an edited revision, nor on a merge that nobody has looked at.
 *
 * @throws MIGRATION_INVALID
 */
async function refuseUnlocked(directory: string, revisions: readonly Revision[]): Promise<void> {
  if (!existsSync(path.join(directory, LOCK_FILE))) return;
  const [problem] = await checkLock(directory, revisions);
  if (problem !== undefined)
    throw new KeelsonError('MIGRATION_INVALID', { message: problem, hint: 'Mend that first; nothing was written.' });
}

/** Writes a revision to be filled by hand. */
async function writeEmpty(
  { app, output }: Context,
  slug: string,
  { revisions, kind, json }: { readonly revisions: readonly Revision[]; readonly kind: EmptyKind; readonly json: true | undefined },
): Promise<number> {
  const directory = app.migrationsDirectory;
  const name = `${nextId(revisions)}_${slug}.${kind}`;
  const files = await writeWhole(directory, [{ name, text: emptyRevision(kind, slug.replaceAll('_', ' ')) }]);
  await writeLock(directory, await readRevisions(directory));
  output.data(json ? renderJson({ files, lines: [], losses: [], notes: [], findings: [] }) : files.map(shownPath).join('\n'));
  return exitCodes.ok;
}

async function findingsOf(
  { app }: Context,
  shadows: Shadows,
  { revisions, planned }: { readonly revisions: readonly Revision[]; readonly planned: Plan },
): Promise<readonly Finding[]> {
  const fresh = planned.files.map(({ name, revision }) => ({ ...revision, file: path.join(app.migrationsDirectory, name) }));
  const only = fresh.map(({ id }) => id);
  return lintRevisions({
    shadows,
    revisions: [...revisions, ...fresh],
    namespace: app.namespace,
    only,
    tables: app.tables,
    replayed: planned.replayed,
  });
}

/** The lock comes last: without it `migrate check` says what is missing. */
async function writePlanned(directory: string, before: readonly Revision[], files: readonly PlannedFile[]): Promise<readonly string[]> {
  const written = await writeWhole(directory, files);
  await writeLock(directory, [...before, ...files.map(({ revision }) => revision)]);
  return written;
}

/** Files appear whole or not at all. */
async function writeWhole(
  directory: string,
  files: readonly { readonly name: string; readonly text: string }[],
): Promise<readonly string[]> {
  const unfinished = files.map(({ name }) => path.join(directory, `.${name}.tmp`));
  for (const [at, { text }] of files.entries()) await writeFile(unfinished[at] ?? '', text, { flush: true });
  const written = files.map(({ name }) => path.join(directory, name));
  for (const [at, file] of written.entries()) await rename(unfinished[at] ?? '', file);
  return written;
}

function sayNothing({ output }: Context, { json }: NewOptions): number {
  if (json) output.data(renderJson({ files: [], lines: [], losses: [], notes: [], findings: [] }));
  else output.talk('The tables and the revisions agree; nothing was written.');
  return exitCodes.ok;
}

function refuseQuestions(
  { output }: Context,
  questions: Extract<Planned, { readonly kind: 'questions' }>['questions'],
  { json }: NewOptions,
): number {
  if (json) output.data(renderJson({ questions }));
  else
    output.talk(
      `${showQuestions(questions)}\nhint:  Renames and drops are said, never guessed: call it again with one of the options for each. Nothing was written.`,
    );
  return exitCodes.wrongUse;
}

interface Said {
  readonly planned: Plan;
  readonly findings: readonly Finding[];
  readonly files: readonly string[];
}

function sayPlan({ output }: Context, { planned, findings, files }: Said, { json }: NewOptions): void {
  const { lines, losses, notes } = planned;
  if (json) {
    output.data(renderJson({ files, lines, losses, notes, findings }));
    return;
  }
  const paint = output.paint.talk;
  if (lines.length > 0) output.talk(showLines(lines, paint));
  for (const loss of losses) output.talk(`${paint('red', 'lost:')}  ${loss}`);
  for (const note of notes) output.talk(`note:  ${note}`);
  if (findings.length > 0) output.talk(`${showFindings(findings, paint)}\n${hintFor(findings)}`.trimEnd());
  output.data(files.map(shownPath).join('\n'));
}

/** The minute of now, or the one after the last revision: what is new runs last. */
function nextId(revisions: readonly Revision[]): string {
  const now = idAt(systemClock.now());
  const last = revisions.at(-1)?.id ?? '';
  return now > last ? now : idAt(new Date(timeOf(last) + MINUTE_MS));
}

/** The time in an id, `20261120T1030`, in UTC. */
function timeOf(id: string): number {
  return Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)$/u, '$1-$2-$3T$4:$5Z'));
}

async function templateOf(directory: string): Promise<string | undefined> {
  try {
    return await readText(path.join(directory, TEMPLATE));
  } catch (error) {
    if (error instanceof KeelsonError || !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return undefined;
  }
}
