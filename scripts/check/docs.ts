/** Compiles every example of the doc comments against the package, in one run of the type checker. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Example, examplesOf, moduleText } from '../tidy/examples.ts';
import { isTest, readSources } from '../tidy/source.ts';
import { parseModule } from '../tidy/syntax.ts';
import { type ProgramResult, runProgram } from './program.ts';

/** The examples of the packages' sources. */
function findExamples(root: string): Example[] {
  return readSources(root)
    .filter((file) => file.path.startsWith('packages/') && file.path.endsWith('.ts') && !isTest(file.path))
    .flatMap((file) => examplesOf(parseModule(file)));
}

/** Compiles the examples; a fault is told at the place of its example. */
export async function compileExamples(root: string, examples: readonly Example[] = findExamples(root)): Promise<ProgramResult> {
  if (examples.length === 0) return { ok: false, output: 'no example was found' };
  // Inside the repository, so that the package is found as a user's module finds it.
  mkdirSync(path.join(root, '.keelson'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.keelson/examples-'));
  try {
    const options = { noUnusedLocals: false, noUnusedParameters: false };
    const config = { extends: path.join(root, 'tsconfig.json'), compilerOptions: options, include: ['*.ts'], exclude: [] };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
    for (const [index, example] of examples.entries()) writeFileSync(path.join(folder, `example-${index}.ts`), moduleText(example));
    const { ok, output } = await runProgram(
      folder,
      'tsc',
      ['-p', '.', '--pretty', 'false', '--singleThreaded'],
      path.join(root, 'node_modules/.bin'),
    );
    return {
      ok,
      output: output.replaceAll(/example-(\d+)\.ts\((\d+),/gu, (_, index: string, line: string) =>
        placeOf(examples[Number(index)], Number(line)),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function placeOf(example: Example | undefined, line: number): string {
  return example === undefined ? '(' : `${example.path}(${example.line + line - 1},`;
}
