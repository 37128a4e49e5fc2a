/** Files and functions stay small enough to be read at one sitting. */
import { isTest, type Problem } from './source.ts';
import { functionsOf, type Module } from './syntax.ts';

/** How long a file may be. */
const fileLinesMax = { source: 300, test: 600 };

/** How long a function may be, without blank lines and comments. */
const functionLinesMax = 60;

/** Reports what is too long. */
export function checkSizes(module: Module): Problem[] {
  const problems: Problem[] = [];
  const lines = module.text.split('\n').length - 1;
  const most = isTest(module.path) ? fileLinesMax.test : fileLinesMax.source;
  if (lines > most) {
    problems.push({
      path: module.path,
      line: 1,
      rule: 'file-size',
      message: `${lines} lines, at most ${most}: it does more than one thing.`,
    });
  }
  for (const each of functionsOf(module)) {
    if (each.lines <= functionLinesMax) continue;
    const message = `${each.name} has ${each.lines} lines, at most ${functionLinesMax}: move the straight parts out.`;
    problems.push({ path: module.path, line: each.line, rule: 'function-size', message });
  }
  return problems;
}
