/** What was said with `--rename` and `--drop`, checked against what is there and what shall be, and done to a copy of what is there. */
import { KeelsonError } from '../../errors.ts';
import type { Inventory } from './inventory.ts';
import type { State } from './plan-state.ts';
import { stateAfter } from './plan-state.ts';
import { renameAlike } from './rename-alike.ts';
import { renameSteps, type Step } from './rename-steps.ts';
import { type Drop, parseDrop, parseRename, type Rename } from './rename.ts';

/** What was said. */
export interface Words {
  readonly namespace: string;
  readonly renames?: readonly string[] | undefined;
  readonly drops?: readonly string[] | undefined;
}

/** What is there under the names that it shall have, and the statements that gave it these. */
export interface Aligned {
  readonly aligned: State;
  readonly steps: readonly Step[];
}

/**
 * The renames that were said.
 *
 * @throws USAGE when one cannot be read, or speaks of what there is not
 */
export function checkedRenames({ renames = [], namespace }: Words, base: State, target: State): readonly Rename[] {
  const parsed = renames.map((text) => ({ text, rename: parseRename(text, base.inventory, namespace) }));
  const all = parsed.map(({ rename }) => rename);
  for (const { text, rename } of parsed) {
    if (rename.kind === 'schema' && (rename.from === namespace || rename.to === namespace)) {
      throw usage(
        `--rename ${text}: the schema of the app holds the history of its migrations, and no revision can rename it.`,
        'Rename it by hand (`alter schema … rename to …`) while nothing runs, and the namespace in the model with it.',
      );
    }
    if (isTaken(rename, all, base.inventory)) {
      throw usage(
        `--rename ${text}: the revisions so far have a ${rename.kind} ${rename.to} already.`,
        `Plan a revision that drops ${rename.to} first, while the other keeps its name; rename in the one after it. To swap two names say both renames.`,
      );
    }
    if (!isInTarget(rename, all, target.inventory)) {
      throw usage(
        `--rename ${text}: the tables in the code have no ${rename.kind} ${rename.to}${rename.owner === '' ? '' : ` in ${rename.owner}`}.`,
        'A rename says what something is called now; change the code first.',
      );
    }
  }
  const twice = parsed.find(({ rename }, index) =>
    all.some((other, place) => place < index && samePlace(other, rename) && (other.from === rename.from || other.to === rename.to)),
  );
  if (twice !== undefined) throw usage(`--rename ${twice.text}: another rename speaks of the same name.`, 'Say each rename once.');
  return all;
}

/** Does the renames, and those that follow from them, to a copy. */
export async function align(base: State, target: State, renames: readonly Rename[], namespace: string): Promise<Aligned> {
  const schemas = base.inventory.list('schema').map(({ name }) => name);
  const said = renameSteps(renames, schemas);
  const renamed = await stepped(base, said, namespace);
  const alike = renameAlike(renamed.inventory, target.inventory);
  return { aligned: await stepped(renamed, alike, namespace), steps: [...said, ...alike] };
}

/**
 * The drops that were said; names from before a rename count too.
 *
 * @throws USAGE when one cannot be read, or speaks of what there is not, or of what stays
 */
export function checkedDrops(
  { drops = [], namespace }: Words,
  renames: readonly Rename[],
  [base, aligned, target]: readonly [State, State, State],
): readonly Drop[] {
  return drops.map((text) => {
    const drop = parseEither(text, renames, [base, aligned], namespace);
    if (isThere(drop, target.inventory) && !becomesGenerated(drop, aligned.inventory, target.inventory)) {
      throw usage(`--drop ${text}: the tables in the code still have it.`, 'Remove it from the code first.');
    }
    return drop;
  });
}

function becomesGenerated({ kind, schema, owner, name }: Drop, from: Inventory, to: Inventory): boolean {
  const column = { schema, table: owner, name };
  return kind === 'column' && to.findColumn(column)?.isGenerated === true && from.findColumn(column)?.isGenerated === false;
}

async function stepped(state: State, steps: readonly Step[], namespace: string): Promise<State> {
  return steps.length === 0
    ? state
    : stateAfter(
        state,
        steps.map((step) => step.up),
        namespace,
      );
}

function parseEither(text: string, renames: readonly Rename[], [base, aligned]: readonly [State, State], namespace: string): Drop {
  try {
    return parseDrop(text, aligned.inventory, namespace);
  } catch (error) {
    if (renames.length === 0) throw error;
    const drop = parseDrop(text, base.inventory, namespace);
    const owner = ownerNow(drop, renames);
    return { ...drop, schema: owner.schema, owner: owner.name };
  }
}

/** The table or the enum that something belongs to, under the name that it gets. */
function ownerNow({ kind, schema, owner }: Pick<Drop, 'kind' | 'schema' | 'owner'>, renames: readonly Rename[]) {
  const ownerKind = kind === 'enum value' ? 'enum' : 'table';
  const found = renames.find((rename) => rename.kind === ownerKind && rename.schema === schema && rename.from === owner);
  const moved = renames.find((rename) => rename.kind === 'schema' && rename.from === schema)?.to ?? schema;
  return found === undefined
    ? { schema: moved, name: owner }
    : { schema: found.toSchema === schema ? moved : found.toSchema, name: found.to };
}

/** Whether something has the new name, and keeps it. */
function isTaken({ kind, schema, toSchema, owner, to, from }: Rename, renames: readonly Rename[], base: Inventory): boolean {
  const isSelf = to === from && toSchema === schema;
  if (isSelf || !isThere({ kind, schema: toSchema, owner, name: to }, base)) return false;
  return !renames.some((other) => other.kind === kind && other.schema === toSchema && other.owner === owner && other.from === to);
}

function isInTarget(rename: Rename, renames: readonly Rename[], target: Inventory): boolean {
  const { kind, to, toSchema, schema } = rename;
  if (kind === 'column' || kind === 'enum value') {
    const owner = ownerNow(rename, renames);
    return isThere({ kind, schema: owner.schema, owner: owner.name, name: to }, target);
  }
  const moved = renames.find((other) => other.kind === 'schema' && other.from === schema)?.to ?? schema;
  return isThere({ kind, schema: toSchema === schema ? moved : toSchema, owner: '', name: to }, target);
}

function isThere({ kind, schema, owner, name }: Drop, inventory: Inventory): boolean {
  if (kind === 'column') return inventory.findColumn({ schema, table: owner, name }) !== undefined;
  if (kind === 'enum value') return inventory.find({ kind: 'enum', schema, table: '', name: owner })?.parts.includes(name) === true;
  if (kind === 'schema') return inventory.list('schema').some((item) => item.name === name);
  return inventory.list(kind).some((item) => item.schema === schema && item.name === name);
}

function samePlace(a: Rename, b: Rename): boolean {
  return a.kind === b.kind && a.schema === b.schema && a.owner === b.owner;
}

function usage(message: string, hint: string): KeelsonError {
  return new KeelsonError('USAGE', { message, hint });
}
