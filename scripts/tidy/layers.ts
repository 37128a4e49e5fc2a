/** Who may import whom: the levels of the library, and its doors. */
import { Exceptions, type Layers } from './rules.ts';
import { isTest, type Problem } from './source.ts';
import { type Import, type Module, resolveImport } from './syntax.ts';

/** The levels of the library hold: a folder imports lower levels only (its tests its neighbours too), and never through a door. */
export function checkLevels(modules: readonly Module[], layers: Layers): Problem[] {
  const { library } = layers;
  const problems: Problem[] = [];
  const exceptions = new Exceptions(library.exceptions);
  const levelOf = new Map(library.levels.flatMap((units, level) => units.map((unit) => [unit, level] as const)));
  for (const module of modules) {
    const from = unitOf(module.path, library.folder);
    if (from === undefined) continue;
    const level = levelOf.get(from);
    if (level === undefined) {
      problems.push({ path: module.path, line: 1, rule: 'level-unknown', message: `layers.json gives ${from} no level.` });
      continue;
    }
    for (const each of module.imports) {
      const problem = checkImport(module, each, library.folder);
      if (problem !== undefined) problems.push(problem);
      const to = unitOf(resolveImport(module.path, each.from) ?? '', library.folder);
      if (to === undefined || to === from) continue;
      const toLevel = levelOf.get(to) ?? -1;
      const allowed = isTest(module.path) ? toLevel <= level || library.testsMayImport.includes(to) : toLevel < level;
      if (allowed || exceptions.allow(from, to)) continue;
      const message = `${from} (level ${level}) may not import ${to} (level ${toLevel}): only what lies below.`;
      problems.push({ path: module.path, line: each.line, rule: 'level', message });
    }
  }
  return [...problems, ...reportUnused(exceptions, 'library')];
}

/** Exceptions that nothing needs any more are taken out. */
export function reportUnused(exceptions: Exceptions, part: string): Problem[] {
  return exceptions.unused().map(({ from, to }) => ({
    path: 'layers.json',
    line: 1,
    rule: 'exception-unused',
    message: `The exception from ${from} to ${to} (${part}) is not needed, or gives no reason.`,
  }));
}

/** The part of the library that a file belongs to: its folder, or its own name beside the folders. */
function unitOf(file: string, folder: string): string | undefined {
  if (!file.startsWith(`${folder}/`)) return undefined;
  return file
    .slice(folder.length + 1)
    .split('/')[0]
    ?.replace(/\.(?:test(?:-d)?\.)?ts$/u, '')
    .replace(/\.slow$/u, '');
}

function checkImport(module: Module, each: Import, folder: string): Problem | undefined {
  const { path } = module;
  const at = { path, line: each.line };
  const target = resolveImport(path, each.from);
  if (target?.endsWith('/index.ts') === true) {
    return { ...at, rule: 'own-door', message: 'Inside the library import the file that defines the thing, not a door.' };
  }
  if (!isTest(path) && /^keelson(?:\/|$)/u.test(each.from)) {
    return { ...at, rule: 'own-door', message: 'Inside the library import by relative paths.' };
  }
  if (target !== undefined && !target.startsWith(`${folder}/`) && !target.startsWith('packages/keelson/')) {
    return { ...at, rule: 'outside', message: 'The library imports nothing that lies outside it.' };
  }
  return undefined;
}

/** No file may reach itself by imports, of types either; each knot is reported once. */
function findCycles(modules: readonly Module[]): string[][] {
  const known = new Map(modules.map((module) => [module.path, module]));
  const edges = (file: string): string[] => {
    const targets = (known.get(file)?.imports ?? []).map((each) => resolveImport(file, each.from));
    return targets.filter((target) => target !== undefined && known.has(target)).filter((target) => target !== undefined);
  };
  return strongComponents([...known.keys()], edges).filter((knot) => knot.length > 1 || edges(knot[0] ?? '').includes(knot[0] ?? ''));
}

/** Tarjan's strongly connected components. */
function strongComponents(nodes: readonly string[], edges: (node: string) => string[]): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const components: string[][] = [];
  const walk = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node) ?? 0);
    stack.push(node);
    for (const next of edges(node)) {
      if (!index.has(next)) walk(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) === index.get(node)) components.push(stack.splice(stack.indexOf(node)).toSorted());
  };
  for (const node of nodes) if (!index.has(node)) walk(node);
  return components;
}

/** Import cycles as faults. */
export function checkCycles(modules: readonly Module[]): Problem[] {
  return findCycles(modules).map((knot) => ({
    path: knot[0] ?? '',
    line: 1,
    rule: 'cycle',
    message: `These files import one another: ${knot.join(', ')}.`,
  }));
}
