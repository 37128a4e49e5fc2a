/** Who may import whom in an application: the flow inside a feature, where features meet, and the doors of the library. */
import { reportUnused } from './layers.ts';
import { Exceptions, type Layers } from './rules.ts';
import { isTest, type Problem, type TidyRule } from './source.ts';
import { type Import, type Module, resolveImport } from './syntax.ts';

/** A file of an application: of a feature when it lies in a feature's folder. */
interface Place {
  readonly app: string;
  readonly feature: string | undefined;
  readonly role: string | undefined;
}

const notFeatures = new Set(['migrations', 'dist', 'node_modules']);

/** Goes over the files of all applications; `doors` are the subpaths that the library exports. */
export function checkFeatures(modules: readonly Module[], layers: Layers, doors: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  const exceptions = new Exceptions(layers.apps.exceptions);
  for (const module of modules) {
    const place = placeOf(module.path, layers.apps.folder);
    if (place === undefined) continue;
    const add = (line: number, rule: TidyRule, message: string): void => {
      problems.push({ path: module.path, line, rule, message });
    };
    if (place.role !== undefined && !isTest(module.path) && !layers.apps.roles.includes(place.role)) {
      add(1, 'role', `A feature's files are ${layers.apps.roles.join(', ')}; ${place.role} is none of them.`);
    }
    for (const each of module.imports) {
      const target = resolveImport(module.path, each.from);
      const fault = target === undefined ? checkDoor(each, module, place, { layers, doors }) : checkMeeting(module, place, target, layers);
      if (fault === undefined || exceptions.allow(module.path, target ?? each.from)) continue;
      add(each.line, fault.rule, fault.message);
    }
  }
  return [...problems, ...reportUnused(exceptions, 'apps')];
}

type Fault = Pick<Problem, 'rule' | 'message'>;

function placeOf(file: string, folder: string): Place | undefined {
  if (!file.startsWith(`${folder}/`)) return undefined;
  const [app = '', first = '', ...rest] = file.slice(folder.length + 1).split('/');
  if (rest.length === 0 || notFeatures.has(first)) return { app, feature: undefined, role: undefined };
  return { app, feature: first, role: rest.join('/').replace(/\.ts$/u, '') };
}

/** Packages: the library only through its doors, and not every role through every door. */
function checkDoor(
  each: Import,
  module: Module,
  place: Place,
  rules: { readonly layers: Layers; readonly doors: ReadonlySet<string> },
): Fault | undefined {
  if (!/^keelson(?:\/|$)/u.test(each.from)) return undefined;
  const door = each.from.slice('keelson/'.length);
  if (!rules.doors.has(door)) return { rule: 'door', message: `The library has no door ${each.from}.` };
  const closed = rules.layers.apps.notFromLibrary[place.role ?? ''] ?? [];
  if (isTest(module.path) || !closed.includes(door)) return undefined;
  return { rule: 'role-door', message: `${place.role} may not use keelson/${door}.` };
}

/** Files: inside the app, down the flow, and across features only where features meet. */
function checkMeeting(module: Module, place: Place, target: string, layers: Layers): Fault | undefined {
  const other = placeOf(target, layers.apps.folder);
  if (other?.app !== place.app) return { rule: 'app-border', message: 'An app imports its own files and the doors of the library.' };
  if (isTest(module.path) || place.feature === undefined) return undefined;
  if (other.feature === undefined) {
    const top = target.endsWith('/app.ts');
    return top ? { rule: 'flow', message: 'app.ts stands above the features; nothing imports it.' } : undefined;
  }
  const own = other.feature === place.feature;
  const role = place.role ?? '';
  const allowed = (own ? layers.apps.own : layers.apps.across)[role] ?? [];
  if (allowed.includes(other.role ?? '')) return undefined;
  const message = own
    ? `${role} may not import ${other.role}: nothing goes back up.`
    : `${role} may not import ${other.role} of another feature.`;
  return { rule: own ? 'flow' : 'across', message };
}
