/** The examples of the doc comments, as modules that must compile against the package. */
import { lineAt } from './source.ts';
import type { Module } from './syntax.ts';

/** One example, and where it stands. */
export interface Example {
  readonly path: string;
  readonly line: number;
  readonly code: string;
}

/** Takes the examples out of a file's doc comments: from `@example` to the next tag or the end. */
export function examplesOf(module: Module): Example[] {
  const found: Example[] = [];
  for (const comment of module.comments) {
    if (comment.type !== 'Block' || !comment.value.startsWith('*')) continue;
    const lines = comment.value.split('\n').map((line) => line.replace(/^\s*\* ?/u, ''));
    const firstLine = lineAt(module.text, comment.start);
    for (const [index, content] of lines.entries()) {
      if (!content.startsWith('@example')) continue;
      const rest = lines.slice(index + 1);
      const end = rest.findIndex((line) => /^@[a-z]/u.test(line));
      const code = [content.slice('@example'.length).trim(), ...(end === -1 ? rest : rest.slice(0, end))];
      found.push({
        path: module.path,
        line: firstLine + index,
        code: code
          .filter((line) => !line.startsWith('```'))
          .join('\n')
          .trim(),
      });
    }
  }
  return found;
}

/** The text of an example's module: its own lines, with a first sentence that says where it comes from. */
export function moduleText(example: Example): string {
  return `/** The example of ${example.path}, line ${example.line}. */\n${example.code}\nexport {};\n`;
}
