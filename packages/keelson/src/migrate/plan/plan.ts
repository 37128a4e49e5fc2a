/** The planner: revisions out of the difference between the tables in the code and the revisions so far, proved before anybody sees them. */
import { isKeelsonError, KeelsonError } from '../../errors.ts';
import type { Connection } from '../../postgres/connection.ts';
import { quoteName } from '../../schema/sql.ts';
import type { Revision } from '../revision.ts';
import { prepareComparer } from './differ.ts';
import type { Inventory } from './inventory.ts';
import { type PlanLine, linesOf } from './lines.ts';
import { shownName } from './names.ts';
import { type Draft, draft, type DraftWay, proveFiles } from './plan-draft.ts';
import { isLossless, type Losses, lossesBetween, middleState, relaxedColumns } from './plan-middle.ts';
import { checkedLater, safely } from './plan-safe.ts';
import { align, checkedDrops, checkedRenames } from './plan-words.ts';
import { Bench, type State, stateOfDdl, stateOfRevisions } from './plan-state.ts';
import { inPortions, type Parts, wayBetween } from './plan-way.ts';
import { type Question, questionsOf } from './question.ts';
import { type Step, stepsBack } from './rename-steps.ts';
import type { Shadow, Shadows } from './shadow.ts';
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
      /** Where the revisions so far have been run, for who has more to try; it goes with the shadows. */
      readonly replayed?: { readonly shadow: Shadow; readonly count: number } | undefined;
    };

/**
 * Plans the next revisions: what the tables have beyond the revisions, and, apart, what they no longer have.
 *
 * @throws PLANNER_MISSING, PLAN_FAILED, MIGRATION_NOT_PROVED, MIGRATION_FAILED, USAGE
 */
export async function plan(request: PlanRequest): Promise<Planned> {
  const { shadows, revisions, namespace } = request;
  await using bench = new Bench(shadows);
  prepareComparer();
  const [base, target] = await Promise.all([stateOfRevisions(bench, revisions, namespace), stateOfDdl(bench, request.target, namespace)]);
  const renames = checkedRenames(request, base, target);
  const { aligned, steps } = await align(base, target, renames, namespace);
  const drops = checkedDrops(request, renames, [base, aligned, target]);
  if (steps.length === 0 && isSame(aligned, target)) return { kind: 'nothing' };
  const losses = lossesBetween(aligned.inventory, target.inventory);
  const questions = questionsOf({ losses, from: aligned.inventory, to: target.inventory, drops, namespace });
  if (questions.length > 0) return { kind: 'questions', questions };
  const { files, lost, notes } =
    revisions.length === 0
      ? await provedFirst(request, base, target)
      : await provedFiles(request, base, { aligned, target, losses, steps });
  refuseUnsaid(lost, losses);
  bench.release(base.shadow);
  return {
    kind: 'plan',
    files: files.map(({ name, text, revision }) => ({ name, text, revision })),
    lines: linesOf(renames, aligned.inventory, target.inventory, namespace),
    losses: lost,
    notes: [...notesOf(losses, aligned.inventory, namespace), ...notes],
    replayed: { shadow: base.shadow, count: revisions.length },
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

interface Drafting {
  readonly aligned: State;
  readonly target: State;
  readonly losses: Losses;
  readonly steps: readonly Step[];
}

interface Proved {
  readonly files: readonly Draft[];
  readonly lost: readonly string[];
  readonly notes: readonly string[];
}

async function provedFirst(request: PlanRequest, base: State, target: State): Promise<Proved> {
  const files = [draft(request, 'expand', await firstWay(request, base, target))];
  return { files, lost: await proveFiles(request, { base, files }), notes: [] };
}

/** The safe way, where it stands the proof; otherwise the plain one, of which the lints say what it does to the service. */
async function provedFiles(request: PlanRequest, base: State, drafting: Drafting): Promise<Proved> {
  const plain = await plainWays(request, drafting);
  try {
    const files = draftFiles(request, drafting, await safeWays(plain, drafting.aligned, request.namespace));
    return { files, lost: await proveFiles(request, { base, files }), notes: [] };
  } catch (error) {
    if (!isKeelsonError(error, 'PLAN_FAILED') && !isKeelsonError(error, 'MIGRATION_NOT_PROVED')) throw error;
    // What fails both ways is told of the plain one.
    const files = draftFiles(request, drafting, plain);
    const lost = await proveFiles(request, { base, files });
    return { files, lost, notes: [`Written without the safe way, which does not stand the proof here: ${error.message}`] };
  }
}

/** A way for each revision that there is to be. */
type Ways = Readonly<Partial<Record<'expand' | 'indexes' | 'contract', DraftWay | undefined>>>;

/** One revision for what comes, one for its indexes, one for what goes. */
function draftFiles(request: PlanRequest, { aligned, steps }: Drafting, ways: Ways): readonly Draft[] {
  const { expand = { up: [], down: [], target: aligned }, indexes, contract } = ways;
  const files: Draft[] = [];
  if (ways.expand !== undefined || steps.length > 0) {
    const up = withFirst([...uuidFallback(request), ...steps.map((step) => step.up)], expand.up);
    files.push(draft(request, 'expand', { up, down: withLast(expand.down, stepsBack(steps)), target: expand.target }));
  }
  if (indexes !== undefined) files.push(draft(request, 'indexes', indexes, files.length));
  if (contract !== undefined) files.push(draft(request, 'contract', contract, files.length));
  return files;
}

async function plainWays(request: PlanRequest, { aligned, target, losses }: Drafting): Promise<Ways> {
  const middle = isLossless(losses) ? target : await middleState(aligned, target, losses, request.namespace);
  let ways: Ways = {};
  if (!isSame(aligned, middle)) {
    const [up, down] = await bothWays(aligned, middle, request.target);
    ways = { expand: { up, down, target: middle } };
  }
  if (middle === target) return ways;
  const [up, down] = await bothWays(middle, target);
  return { ...ways, contract: { up, down, target } };
}

async function safeWays({ expand, contract }: Ways, aligned: State, namespace: string): Promise<Ways> {
  const middle = expand?.target ?? aligned;
  const safe = expand === undefined ? {} : await safely(aligned, expand, namespace);
  if (contract === undefined) return safe;
  return { ...safe, contract: { ...contract, up: checkedLater(contract.up, middle.inventory, contract.target.inventory) } };
}

async function bothWays(from: State, to: State, own: readonly string[] = []): Promise<readonly [Parts, Parts]> {
  // Read before either way is tried: a database that is read cannot be copied.
  await Promise.all([from.catalog(), to.catalog()]);
  return Promise.all([wayBetween(from, to, own), wayBetween(to, from)]);
}

/** Everything from nothing, in the words of the tables and not in those of the catalog. */
async function firstWay(request: PlanRequest, base: State, target: State): Promise<DraftWay> {
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
