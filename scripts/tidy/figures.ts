/** The figures that style aims at, printed on every run. */
import { isTest } from './source.ts';
import { functionsOf, type Module, visit } from './syntax.ts';

/** One figure: what it is now, and what it ought to be. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly target: string;
  readonly met: boolean;
}

/** Figures of the code that runs: no tests, no scripts. */
export function figures(
  modules: readonly Module[],
  doors: { readonly exported: number; readonly documented: number },
  cycles: number,
): Figure[] {
  const sources = modules.filter((module) => !isTest(module.path) && /^(?:packages|apps)\//u.test(module.path));
  const lines = sources.map((module) => module.text.split('\n').length - 1);
  const functions = sources.flatMap((module) => functionsOf(module).map((each) => ({ ...each, path: module.path })));
  const longest = functions.toSorted((a, b) => b.lines - a.lines)[0];
  const counted = sources.map(countBad);
  const bare = counted.reduce((sum, each) => sum + each.bareThrows, 0);
  const any = counted.reduce((sum, each) => sum + each.any, 0);
  const documented = doors.exported === 0 ? 100 : Math.floor((doors.documented / doors.exported) * 100);
  const functionLines = functions.map((each) => each.lines);
  return [
    below(`lines of ${sources.length} files, p90`, percentile(lines, 90), 200),
    below(`lines of ${functions.length} functions, p90`, percentile(functionLines, 90), 30),
    below(`lines of the longest function${longest === undefined ? '' : ` (${longest.name}, ${longest.path})`}`, longest?.lines ?? 0, 60),
    { name: `documented of ${doors.exported} exports`, value: `${documented} %`, target: '100 %', met: documented === 100 },
    below('bare throws', bare, 0),
    below('any', any, 0),
    below('import cycles', cycles, 0),
  ];
}

function below(name: string, value: number, most: number): Figure {
  return { name, value: String(value), target: most === 0 ? '0' : `≤ ${most}`, met: value <= most };
}

/** The value below which so many percent of all lie, by nearest rank. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}

function countBad(module: Module): { readonly bareThrows: number; readonly any: number } {
  let bareThrows = 0;
  let any = 0;
  visit(module, {
    ThrowStatement: (node) => {
      const made = node.argument.type === 'NewExpression' && node.argument.callee.type === 'Identifier' ? node.argument.callee.name : '';
      if (/^(?:[A-Z][a-z]+)?Error$/u.test(made) && made !== 'KeelsonError') bareThrows += 1;
    },
    TSAnyKeyword: () => {
      any += 1;
    },
  });
  return { bareThrows, any };
}
