/** Renames and drops as a person writes them on the command line: read, and matched with what is there. */
import { KeelsonError } from '../../errors.ts';
import type { Inventory, Item } from './inventory.ts';

/** What can be renamed. */
export type RenamedKind = 'schema' | 'table' | 'enum' | 'sequence' | 'view' | 'column' | 'enum value';

/** A rename, matched with an object of the revisions so far. */
export interface Rename {
  readonly kind: RenamedKind;
  readonly schema: string;
  /** The table of a column, the enum of a value, by its name before all renames. */
  readonly owner: string;
  readonly from: string;
  readonly to: string;
  /** The schema that it goes to; the same when it stays. */
  readonly toSchema: string;
}

/** Something that may be dropped. */
export interface Drop {
  readonly kind: RenamedKind;
  readonly schema: string;
  readonly owner: string;
  readonly name: string;
}

interface Word {
  /** As written, for values of enums, which keep their case. */
  readonly raw: string;
  /** As PostgreSQL reads a name: lower case unless quoted. */
  readonly name: string;
}

interface Path {
  readonly kind: RenamedKind | undefined;
  readonly words: readonly Word[];
}

const KIND = /^(schema|table|enum|sequence|view|column)\s+/i;
const WORD = /^(?:"((?:[^"]|"")+)"|([^".:]+))/;

/**
 * Reads `--rename`.
 *
 * @throws USAGE when it cannot be read, or nothing of that name is there
 */
export function parseRename(text: string, inventory: Inventory, namespace: string): Rename {
  const [path, rest] = readPath(text);
  const [target, more] = rest.startsWith(':') ? readPath(rest.slice(1)) : [undefined, rest];
  const last = target?.words.at(-1);
  if (target === undefined || last === undefined || more !== '' || path.words.length === 0) {
    throw usage(`--rename ${text} cannot be read.`, 'Write the old name, a colon and the new one: users.nick:handle.');
  }
  const found = find(path, inventory, namespace);
  if (found === undefined) throw usage(`--rename ${text}: the revisions so far have nothing of that name.`, NAMES);
  const movesTo = target.words.at(-2)?.name;
  const canMove = found.kind === 'table' || found.kind === 'enum' || found.kind === 'sequence' || found.kind === 'view';
  return {
    kind: found.kind,
    schema: found.schema,
    owner: found.owner,
    from: found.name,
    to: found.kind === 'enum value' ? last.raw : last.name,
    toSchema: canMove && movesTo !== undefined ? movesTo : found.schema,
  };
}

/**
 * Reads `--drop`.
 *
 * @throws USAGE when it cannot be read, or nothing of that name is there
 */
export function parseDrop(text: string, inventory: Inventory, namespace: string): Drop {
  const [path, rest] = readPath(text);
  if (rest !== '' || path.words.length === 0)
    throw usage(`--drop ${text} cannot be read.`, 'Write the name of what may go: users.nick, or users.');
  const found = find(path, inventory, namespace);
  if (found === undefined) throw usage(`--drop ${text}: the revisions so far have nothing of that name.`, NAMES);
  return found;
}

const NAMES = 'Names without a schema are those of the app; quote a name with upper case or signs in it as in SQL: users."Nick".';

function usage(message: string, hint: string): KeelsonError {
  return new KeelsonError('USAGE', { message, hint });
}

function readPath(text: string): [Path, string] {
  const kind = KIND.exec(text);
  let rest = text.slice(kind?.[0].length ?? 0);
  const words: Word[] = [];
  // bounded by: the words of the text
  for (;;) {
    const found = WORD.exec(rest);
    if (found === null) return [{ kind: parseKind(kind?.[1]), words: [] }, rest];
    const [whole, quoted, bare = ''] = found;
    const raw = quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"');
    words.push({ raw, name: quoted === undefined ? raw.toLowerCase() : raw });
    rest = rest.slice(whole.length);
    if (!rest.startsWith('.')) return [{ kind: parseKind(kind?.[1]), words }, rest];
    rest = rest.slice(1);
  }
}

function parseKind(word: string | undefined): RenamedKind | undefined {
  return word?.toLowerCase() as RenamedKind | undefined;
}

/** The meanings that a path can have, likeliest first; the first that is there counts. */
function find({ kind, words }: Path, inventory: Inventory, namespace: string): Drop | undefined {
  const [first, second, third] = words;
  if (first === undefined) return undefined;
  if (kind === 'schema') return second === undefined ? inSchema(inventory, 'schema', first.name, first.name) : undefined;
  if (third !== undefined) return kind === undefined || kind === 'column' ? member(inventory, first.name, second, third) : undefined;
  const kinds = kind === undefined ? (['table', 'enum', 'sequence', 'view'] as const) : ([kind] as const);
  if (second === undefined) return kinds.map((each) => inSchema(inventory, each, namespace, first.name)).find((drop) => drop !== undefined);
  const inside = kind === undefined || kind === 'column' ? member(inventory, namespace, first, second) : undefined;
  return inside ?? kinds.map((each) => inSchema(inventory, each, first.name, second.name)).find((drop) => drop !== undefined);
}

function inSchema(inventory: Inventory, kind: RenamedKind, schema: string, name: string): Drop | undefined {
  if (kind === 'column' || kind === 'enum value') return undefined;
  const found = inventory.items.find((item) => item.kind === kind && item.schema === schema && item.name === name);
  return found === undefined ? undefined : { kind, schema, owner: '', name };
}

function member(inventory: Inventory, schema: string, owner: Word | undefined, word: Word): Drop | undefined {
  if (owner === undefined) return undefined;
  if (inventory.findColumn({ schema, table: owner.name, name: word.name }) !== undefined)
    return { kind: 'column', schema, owner: owner.name, name: word.name };
  const type: Item | undefined = inventory.find({ kind: 'enum', schema, table: '', name: owner.name });
  const value = [word.raw, word.name].find((candidate) => type?.parts.includes(candidate));
  return value === undefined ? undefined : { kind: 'enum value', schema, owner: owner.name, name: value };
}
