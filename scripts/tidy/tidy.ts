/** Style as a check: reads the repository once and puts every file before every rule. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { catalogueCodes, checkBounds, checkFirstSentence, checkThrows } from './comments.ts';
import { checkDocument, type World } from './docs.ts';
import { checkDoors, parseDoors } from './doors.ts';
import { checkFeatures } from './features.ts';
import { type Figure, figures } from './figures.ts';
import { checkCycles, checkLevels } from './layers.ts';
import { checkLock } from './lock.ts';
import { parseLayers } from './rules.ts';
import { checkSizes } from './sizes.ts';
import { isTest, type Problem, readSources, type SourceFile } from './source.ts';
import { parseModule } from './syntax.ts';
import { checkData, checkFileName, checkText } from './text.ts';
import { checkUnits } from './units.ts';

/** What tidy found: faults, and the figures of style. */
export interface TidyReport {
  readonly problems: readonly Problem[];
  readonly figures: readonly Figure[];
  readonly filesRead: number;
}

const LOCK = 'package-lock.json';
const LIBRARY = 'packages/keelson';

/** Checks the files of a repository. */
export function tidy(root: string, all: readonly SourceFile[] = readSources(root)): TidyReport {
  // npm writes the lock file, nobody else: it has a rule of its own.
  const sources = all.filter((file) => file.path !== LOCK);
  const lock = all.find((file) => file.path === LOCK);
  const text = new Map(sources.map((file) => [file.path, file.text]));
  const modules = sources.filter((file) => file.path.endsWith('.ts')).map(parseModule);
  const doorFiles = parseDoors(text.get(`${LIBRARY}/package.json`) ?? '{"exports":{}}');
  const doors = checkDoors(modules, LIBRARY, doorFiles);
  const layers = parseLayers(text.get('layers.json') ?? '');
  const codes = catalogueCodes(modules.find((module) => module.path === `${LIBRARY}/src/errors.ts`));
  const world = worldOf(root, sources);
  const cycles = checkCycles(modules);
  const problems = [
    ...sources.flatMap((file) => [...checkText(file), ...checkData(file), ...checkFileName(file)]),
    ...modules.flatMap((module) => [...checkFirstSentence(module), ...checkSizes(module), ...checkUnits(module)]),
    ...modules
      .filter((module) => module.path.startsWith(`${LIBRARY}/src/`) && !isTest(module.path))
      .flatMap((module) => checkThrows(module, codes)),
    ...modules.filter((module) => !isTest(module.path)).flatMap(checkBounds),
    ...sources.filter((file) => file.path.endsWith('.md')).flatMap((file) => checkDocument(file, world)),
    ...checkLevels(modules, layers),
    ...checkFeatures(modules, layers, new Set(doorFiles.keys())),
    ...cycles,
    ...(lock === undefined ? [] : checkLock(lock.path, lock.text)),
    ...doors.problems,
  ];
  return { problems, figures: figures(modules, doors, cycles.length), filesRead: sources.length };
}

function worldOf(root: string, sources: readonly SourceFile[]): World {
  const programs = path.join(root, 'node_modules/.bin');
  return {
    files: new Set([...sources.map((file) => file.path), LOCK, 'LICENSE']),
    scripts: new Map(
      sources
        .filter((file) => path.posix.basename(file.path) === 'package.json')
        .map((file) => [path.posix.dirname(file.path), parseScripts(file.text)]),
    ),
    programs: new Set(existsSync(programs) ? readdirSync(programs) : []),
  };
}

function parseScripts(text: string): ReadonlySet<string> {
  const { scripts } = JSON.parse(text) as { readonly scripts?: Readonly<Record<string, string>> };
  return new Set(Object.keys(scripts ?? {}));
}
