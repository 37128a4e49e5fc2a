/** What tidy sees in a TypeScript file: its imports, functions, comments and syntax tree. */
import { type Comment, type ParseResult, type Program, parseSync, Visitor, type VisitorObject } from 'oxc-parser';
import path from 'node:path';
import { lineAt, type SourceFile } from './source.ts';

/** An import of any kind: value, type, re-export, or `import()`. */
export interface Import {
  readonly from: string;
  readonly line: number;
}

/** A function by its place and length; blank lines and comments do not count. */
export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** A parsed file. */
export interface Module extends SourceFile {
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
}

/** Parses a file; one that does not parse is left to the type checker. */
export function parseModule(file: SourceFile): Module {
  const parsed = parseSync(file.path, file.text);
  return { ...file, program: parsed.program, comments: parsed.comments, imports: importsOf(file, parsed) };
}

/** Goes over the tree of a file. */
export function visit(module: Pick<Module, 'program'>, visitor: VisitorObject): void {
  new Visitor(visitor).visit(module.program);
}

function importsOf(file: SourceFile, parsed: ParseResult): Import[] {
  const found: Import[] = [];
  const add = (from: string, offset: number): void => {
    found.push({ from, line: lineAt(file.text, offset) });
  };
  for (const each of parsed.module.staticImports) add(each.moduleRequest.value, each.start);
  for (const each of parsed.module.staticExports) {
    const request = each.entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
    if (request) add(request.value, each.start);
  }
  visit(parsed, {
    ImportExpression: (node) => {
      if (node.source.type === 'Literal' && typeof node.source.value === 'string') add(node.source.value, node.start);
    },
    TSImportType: (node) => add(node.source.value, node.start),
  });
  return found;
}

/** The path from the root that a relative import means; undefined for packages. */
export function resolveImport(importer: string, from: string): string | undefined {
  return from.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(importer), from)) : undefined;
}

/** What tests consist of: a list of steps and what is expected, which reads best in one piece. */
const testCalls = new Set(['describe', 'suite', 'test', 'it', 'before', 'after', 'beforeEach', 'afterEach']);

/** Every function of a file with its length; the bodies of tests do not count. */
export function functionsOf(module: Module): FunctionSize[] {
  const code = codeLines(module);
  const bodies = new Set<number>();
  const names = new Map<number, string>();
  const spans: { readonly start: number; readonly end: number }[] = [];
  const add = (node: { readonly start: number; readonly end: number; readonly id?: { readonly name: string } | null }): void => {
    spans.push(node);
    if (node.id) names.set(node.start, node.id.name);
  };
  visit(module, {
    FunctionDeclaration: add,
    FunctionExpression: add,
    ArrowFunctionExpression: (node) => add({ start: node.start, end: node.end }),
    MethodDefinition: (node) => names.set(node.value.start, module.text.slice(node.key.start, node.key.end)),
    VariableDeclarator: (node) => {
      if (node.init) names.set(node.init.start, module.text.slice(node.id.start, node.id.end));
    },
    CallExpression: (node) => {
      const isTestCall = node.callee.type === 'Identifier' && testCalls.has(node.callee.name);
      if (isTestCall) for (const argument of node.arguments) bodies.add(argument.start);
    },
  });
  return spans
    .filter((span) => !bodies.has(span.start))
    .map((span) => {
      const line = lineAt(module.text, span.start);
      const last = lineAt(module.text, span.end);
      return { name: names.get(span.start) ?? 'a callback', line, lines: code.slice(line - 1, last).filter(Boolean).length };
    });
}

/** For each line, whether anything but blanks and comments stands on it. */
function codeLines(module: Module): boolean[] {
  let text = '';
  let at = 0;
  for (const comment of module.comments) {
    text += module.text.slice(at, comment.start) + module.text.slice(comment.start, comment.end).replaceAll(/[^\n]/gu, ' ');
    at = comment.end;
  }
  text += module.text.slice(at);
  return text.split('\n').map((line) => line.trim() !== '');
}
