/** The doors of the library: each is a list of names, and everything behind a name is documented. */
import { lineAt, type Problem } from './source.ts';
import { type Module, resolveImport } from './syntax.ts';

/** What the library shows, and how much of it says what it is. */
export interface DoorReport {
  readonly problems: readonly Problem[];
  readonly exported: number;
  readonly documented: number;
}

/** The doors that `exports` of a package file names, as subpath → file. */
export function parseDoors(text: string): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(text) as { readonly exports: Readonly<Record<string, string>> };
  return new Map(Object.entries(exports).map(([name, file]) => [name.replace(/^\.\/?/u, ''), file.replace(/^\.\//u, '')]));
}

/** Follows every name of every door to where it is declared. */
export function checkDoors(modules: readonly Module[], packageFolder: string, doors: ReadonlyMap<string, string>): DoorReport {
  const known = new Map(modules.map((module) => [module.path, module]));
  const problems: Problem[] = [];
  const seen = new Map<string, boolean>();
  for (const file of doors.values()) {
    const module = known.get(`${packageFolder}/${file}`);
    if (module === undefined) continue;
    if (file.endsWith('/index.ts')) problems.push(...checkDoorFile(module));
    for (const name of exportedNames(module)) {
      const found = findDeclaration(known, module, name, 0);
      if (found === undefined) continue;
      const place = `${found.module.path} ${found.name}`;
      if (seen.has(place)) continue;
      const documented = hasDocComment(found.module, found.start);
      seen.set(place, documented);
      if (documented) continue;
      const message = `${found.name} is shown to users: say in one sentence what it is.`;
      problems.push({ path: found.module.path, line: lineAt(found.module.text, found.start), rule: 'documented', message });
    }
  }
  return { problems, exported: seen.size, documented: [...seen.values()].filter(Boolean).length };
}

/** A door lists names; it holds no code and hides nothing behind a star. */
function checkDoorFile(module: Module): Problem[] {
  return module.program.body
    .filter((statement) => statement.type !== 'ExportNamedDeclaration' || statement.source === null)
    .map((statement) => {
      const message = 'A door only lists names: export { x } from its file.';
      return { path: module.path, line: lineAt(module.text, statement.start), rule: 'door-list', message };
    });
}

function nameOf(node: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return node.name ?? String(node.value);
}

function exportedNames(module: Module): string[] {
  return module.program.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration') return [];
    return [...declaredNames(statement.declaration), ...statement.specifiers.map((each) => nameOf(each.exported))];
  });
}

type Declared = { readonly type: string; readonly id?: unknown; readonly declarations?: readonly { readonly id: unknown }[] } | null;

function declaredNames(declaration: Declared): string[] {
  if (declaration === null) return [];
  const ids = declaration.declarations?.map((each) => each.id) ?? [declaration.id];
  return ids.filter(isNamed).map((id) => id.name);
}

function isNamed(id: unknown): id is { readonly name: string } {
  return typeof id === 'object' && id !== null && 'name' in id && typeof id.name === 'string';
}

interface Declaration {
  readonly module: Module;
  readonly name: string;
  readonly start: number;
}

const RE_EXPORT_DEPTH_MAX = 5;

/** The statement that declares a name; overloads count by their first. */
function findDeclaration(known: ReadonlyMap<string, Module>, module: Module, name: string, depth: number): Declaration | undefined {
  if (depth > RE_EXPORT_DEPTH_MAX) return undefined;
  for (const statement of module.program.body) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declaration !== null && declaredNames(declaration).includes(name)) return { module, name, start: statement.start };
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const specifier = statement.specifiers.find((each) => nameOf(each.exported) === name);
    if (specifier === undefined) continue;
    if (statement.source === null) return findDeclaration(known, module, nameOf(specifier.local), depth + 1);
    const target = known.get(resolveImport(module.path, statement.source.value) ?? '');
    return target === undefined ? undefined : findDeclaration(known, target, nameOf(specifier.local), depth + 1);
  }
  return undefined;
}

/** Whether a doc comment stands right above an offset. */
function hasDocComment(module: Module, start: number): boolean {
  return module.comments.some((comment) => {
    const doc = comment.type === 'Block' && comment.value.startsWith('*') && comment.end <= start;
    return doc && module.text.slice(comment.end, start).trim() === '' && comment.start > 0;
  });
}
