/** Comments that the house asks for: the first sentence of a file, the bound of a loop, the codes that are thrown. */
import { lineAt, type Problem } from './source.ts';
import { type Module, visit } from './syntax.ts';

/** A file begins with one sentence that says what it is for. */
export function checkFirstSentence(module: Module): Problem[] {
  const [first] = module.comments;
  const start = module.text.startsWith('#!') ? module.text.indexOf('\n') + 1 : 0;
  const text = first?.type === 'Block' && first.start === start && first.value.startsWith('*') ? plain(first.value) : '';
  if (/[.:!?`)]$/u.test(text.split(/\s@/u)[0] ?? '')) return [];
  return [
    { path: module.path, line: 1, rule: 'first-sentence', message: 'Begin with /** one sentence. */ that says what the file is for.' },
  ];
}

function plain(comment: string): string {
  return comment
    .replaceAll(/^\s*\*+/gmu, ' ')
    .replaceAll(/\s+/gu, ' ')
    .trim();
}

/** A loop without an end says what bounds it. */
export function checkBounds(module: Module): Problem[] {
  const problems: Problem[] = [];
  const lines = module.text.split('\n');
  const check = (start: number): void => {
    const line = lineAt(module.text, start);
    const near = [lines[line - 2], lines[line - 1], lines[line]].join('\n');
    if (/\/\/ bounded by: \S/u.test(near)) return;
    problems.push({ path: module.path, line, rule: 'bounded', message: 'A loop without an end: say `// bounded by: …` above it.' });
  };
  const endless = (test: { readonly type: string; readonly value?: unknown } | null): boolean =>
    test === null || (test.type === 'Literal' && Boolean(test.value));
  visit(module, {
    WhileStatement: (node) => {
      if (endless(node.test)) check(node.start);
    },
    DoWhileStatement: (node) => {
      if (endless(node.test)) check(node.start);
    },
    ForStatement: (node) => {
      if (endless(node.test)) check(node.start);
    },
  });
  return problems;
}

/** `@throws` names codes of the catalogue. */
export function checkThrows(module: Module, codes: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  for (const comment of module.comments) {
    for (const match of comment.value.matchAll(/@throws[ \t]+([^\n]*)/gu)) {
      const list = /^`?[A-Z][A-Z0-9_]+`?(?:(?:, | or | and )`?[A-Z][A-Z0-9_]+`?)*/u.exec(match[1] ?? '')?.[0] ?? '';
      const named = [...list.matchAll(/[A-Z][A-Z0-9_]+/gu)].map((word) => word[0]);
      const unknown = named.filter((code) => !codes.has(code));
      if (named.length > 0 && unknown.length === 0) continue;
      const line = lineAt(module.text, comment.start + 2 + match.index);
      const what = named.length === 0 ? 'no code' : unknown.join(', ');
      problems.push({ path: module.path, line, rule: 'throws-code', message: `@throws names ${what}; name codes of the catalogue.` });
    }
  }
  return problems;
}

/** The codes of the catalogue, read from the file that declares it. */
export function catalogueCodes(module: Module | undefined): ReadonlySet<string> {
  const codes = new Set<string>();
  if (module === undefined) return codes;
  visit(module, {
    VariableDeclarator: (node) => {
      if (node.id.type !== 'Identifier' || node.id.name !== 'catalogue' || !node.init) return;
      const text = module.text.slice(node.init.start, node.init.end);
      for (const match of text.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gmu)) codes.add(match[1] ?? '');
    },
  });
  return codes;
}
