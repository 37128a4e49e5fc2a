/** The planner: revisions out of the difference between the tables in the code and the revisions so far, proved before anybody sees them. */
import { KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import type { Revision } from '../revision.ts';
import type { Inventory } from './inventory.ts';
import { type PlanLine, linesOf } from './lines.ts';
import { shownName } from './names.ts';
import { type Draft, draft, proveFiles } from './plan-draft.ts';
import { isLossless, type Losses, lossesBetween, middleState, relaxedColumns } from './plan-middle.ts';
import { align, checkedDrops, checkedRenames } from './plan-words.ts';
import { Bench, type State, stateOfDdl, stateOfRevisions } from './plan-state.ts';
import { inPortions, type Parts, wayBetween } from './plan-way.ts';
import { type Question, questionsOf } from './question.ts';
import { type Step, stepsBack } from './rename-steps.ts';
import type { Shadows } from './shadow.ts';
import { differences, withoutColumnOrder } from './snapshot.ts';

/** What a plan is made from. */
export interface PlanRequest {
  readonly shadows: Shadows;
  /** The revisions so far, in order. */
  readonly revisions: readonly Revision[];
  readonly namespace: string;
  /** The DDL that makes the tables from nothing: `renderSchema(…).up`. */
  readonly target: readonly string[];
  /** `users.nick:handle`, `users:people`, `status.old:new`, `enum status:state`, `schema a:b`. */
  readonly renames?: readonly string[] | undefined;
  /** `users.nick`, `users`, `status.old`. */
  readonly drops?: readonly string[] | undefined;
  /** What the revision is called, in words. */
  readonly name: string;
  /** The id of the first new revision. */
  readonly id: string;
  /** A text with `{{up}}`, `{{down}}`, and where wanted `{{name}}`, to be used instead of the usual one. */
  readonly template?: string | undefined;
  /** Fills the shadow with rows for the proof, instead of rows made up. */
  readonly rows?: ((connection: Connection) => Promise<void>) | undefined;
}

/** A revision that was planned and proved, as it will be written. */
export interface PlannedFile {
  readonly name: string;
  readonly text: string;
  readonly revision: Revision;
}

/** What came of planning. */
export type Planned =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'questions'; readonly questions: readonly Question[] }
  | {
      readonly kind: 'plan';
      /** In order; one that takes something away is last. */
      readonly files: readonly PlannedFile[];
      readonly lines: readonly PlanLine[];
      /** What data does not survive, per column or table. */
      readonly losses: readonly string[];
      readonly notes: readonly string[];
    };

/**
 * Plans the next revisions: what the tables have beyond the revisions, and, apart, what they no longer have.
 *
 * @throws PLANNER_MISSING, PLAN_FAILED, MIGRATION_NOT_PROVED, MIGRATION_FAILED, USAGE
 */
export async function plan(request: PlanRequest): Promise<Planned> {
  const { shadows, revisions, namespace } = request;
  await using bench = new Bench(shadows);
  const [base, target] = await Promise.all([stateOfRevisions(bench, revisions, namespace), stateOfDdl(bench, request.target, namespace)]);
  const renames = checkedRenames(request, base, target);
  const { aligned, steps } = await align(base, target, renames, namespace);
  const drops = checkedDrops(request, renames, [base, aligned, target]);
  if (steps.length === 0 && isSame(aligned, target)) return { kind: 'nothing' };
  const losses = lossesBetween(aligned.inventory, target.inventory);
  const questions = questionsOf({ losses, from: aligned.inventory, to: target.inventory, drops, namespace });
  if (questions.length > 0) return { kind: 'questions', questions };
  const files =
    revisions.length === 0
      ? [draft(request, 'expand', await firstWay(request, base, target))]
      : await draftFiles(request, { aligned, target, losses, steps });
  const lost = await proveFiles(request, { base, target, files });
  refuseUnsaid(lost, losses);
  return {
    kind: 'plan',
    files: files.map(({ name, text, revision }) => ({ name, text, revision })),
    lines: linesOf(renames, aligned.inventory, target.inventory, namespace),
    losses: lost,
    notes: notesOf(losses, aligned.inventory, namespace),
  };
}

/** What the proof found to be gone must be what was asked about: a fault of the comparer may not cost data. */
function refuseUnsaid(lost: readonly string[], { schemas, tables, columns, turned }: Losses): void {
  const said = new Set(
    [
      ...tables.map((table) => `table ${table.schema}.${table.name}`),
      ...[...columns, ...turned].map((column) => `column ${column.schema}.${column.table}.${column.name}`),
    ].map(unquoted),
  );
  const unsaid = lost.find((line) => {
    const object = /^((?:table|column) .+): its (?:rows|values) are gone/.exec(line)?.[1];
    return object !== undefined && !said.has(unquoted(object)) && !schemas.some(({ name }) => object.split(' ')[1]?.startsWith(`${name}.`));
  });
  if (unsaid === undefined) return;
  throw new KeelsonError('MIGRATION_NOT_PROVED', {
    message: `The plan would lose what nobody said may go: ${unsaid}.`,
    hint: 'Write this change by hand, so that the values are kept, and check it with `keelson migrate check`.',
    data: { losses: lost },
  });
}

function unquoted(name: string): string {
  return name.replaceAll('"', '');
}

interface Way {
  readonly up: Parts;
  readonly down: Parts;
}

interface Drafting {
  readonly aligned: State;
  readonly target: State;
  readonly losses: Losses;
  readonly steps: readonly Step[];
}

/** One revision for what comes, one for what goes. */
async function draftFiles(request: PlanRequest, { aligned, target, losses, steps }: Drafting): Promise<readonly Draft[]> {
  const { namespace } = request;
  const middle = isLossless(losses) ? target : await middleState(aligned, target, losses, namespace);
  const files: Draft[] = [];
  if (steps.length > 0 || !isSame(aligned, middle)) {
    const [forth, back] = await bothWays(aligned, middle, request.target);
    const up = withFirst([...uuidFallback(request), ...steps.map((step) => step.up)], forth);
    files.push(draft(request, 'expand', { up, down: withLast(back, stepsBack(steps)), target: middle }));
  }
  if (middle !== target) {
    const [up, down] = await bothWays(middle, target);
    files.push(draft(request, 'contract', { up, down, target }, files.length === 0));
  }
  return files;
}

async function bothWays(from: State, to: State, own: readonly string[] = []): Promise<readonly [Parts, Parts]> {
  // Read before either way is tried: a database that is read cannot be copied.
  await Promise.all([from.catalog(), to.catalog()]);
  return Promise.all([wayBetween(from, to, own), wayBetween(to, from)]);
}

/** Everything from nothing, in the words of the tables and not in those of the catalog. */
async function firstWay(request: PlanRequest, base: State, target: State): Promise<Way & { readonly target: State }> {
  // `create schema if not exists` wants the right to create schemas even where nothing is to do, and an app's user may not have it.
  const own = new Set([`create schema if not exists ${quoteName(request.namespace)}`, `create schema ${quoteName(request.namespace)}`]);
  const up = target.statements.filter((statement) => !own.has(statement.trim().replace(/;$/, '')));
  const down = await wayBetween(target, base);
  const fallback = up.some((statement) => isUuidFallback(statement, request.namespace))
    ? [`drop function if exists ${quoteName(request.namespace)}.uuidv7()`]
    : [];
  const kept = down.map((part) => part.filter((statement) => !/^drop function \S*\.uuidv7\(\)$/i.test(statement.replaceAll('"', ''))));
  return { up: inPortions(up), down: withLast(kept, fallback), target };
}

/** On a newer server the comparer does not see what only an older one needs; older revisions may lack it. */
function uuidFallback({ revisions, target, namespace }: PlanRequest): readonly string[] {
  const known = revisions.some((revision) => revision.up.some((part) => part.includes('uuidv7() returns uuid')));
  return known ? [] : target.filter((statement) => isUuidFallback(statement, namespace));
}

function isUuidFallback(statement: string, namespace: string): boolean {
  return statement.startsWith('do $keelson$') && statement.includes(`create function ${quoteName(namespace)}.uuidv7()`);
}

function withFirst(statements: readonly string[], parts: Parts): Parts {
  const [first = [], ...others] = parts;
  return statements.length === 0 ? parts : [[...statements, ...first], ...others];
}

function withLast(parts: Parts, statements: readonly string[]): Parts {
  return statements.length === 0 ? parts : [...parts.slice(0, -1), [...(parts.at(-1) ?? []), ...statements]];
}

function isSame(a: State, b: State): boolean {
  return differences(withoutColumnOrder(a.snapshot), withoutColumnOrder(b.snapshot)).length === 0;
}

function notesOf(losses: Losses, from: Inventory, namespace: string): readonly string[] {
  return relaxedColumns(losses, from).map(
    (column) =>
      `${shownName(column, namespace)} may be null from the first revision on, since new code does not fill it; the second takes it away.`,
  );
}
