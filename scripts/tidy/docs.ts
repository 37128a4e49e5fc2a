/** What documents name must exist: links, paths, commands; and they name files by path, never by line. */
import path from 'node:path';
import { numbered, type Problem, type SourceFile, type TidyRule } from './source.ts';

/** What a document can be held against. */
export interface World {
  /** Every file of the repository, by its path from the root. */
  readonly files: ReadonlySet<string>;
  /** The scripts of each package file, by its folder; `.` is the root. */
  readonly scripts: ReadonlyMap<string, ReadonlySet<string>>;
  /** The programs that `npx` finds without asking the network. */
  readonly programs: ReadonlySet<string>;
}

type Add = (line: number, rule: TidyRule, message: string) => void;

/** Checks one Markdown file. */
export function checkDocument(file: SourceFile, world: World): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (line, rule, message) => {
    problems.push({ path: file.path, line, rule, message });
  };
  let fence: string | undefined;
  for (const { line, content } of numbered(file.text)) {
    const mark = /^\s*```\s*([\w-]*)/u.exec(content);
    if (mark !== null) {
      fence = fence === undefined ? (mark[1] ?? '') : undefined;
    } else if (fence === undefined) {
      for (const match of content.matchAll(/\]\(([^()\s]+)\)/gu)) checkLink(file, match[1] ?? '', world, (...fault) => add(line, ...fault));
      for (const match of content.matchAll(/`([^`]+)`/gu)) checkSpan(match[1] ?? '', line, world, add);
    } else if (['sh', 'bash', 'console', 'shell'].includes(fence)) {
      checkCommand(content, line, world, add);
    }
  }
  return problems;
}

function checkLink(file: SourceFile, link: string, world: World, add: (rule: TidyRule, message: string) => void): void {
  if (/^[a-z]+:/u.test(link)) return;
  const [target = '', anchor] = link.split('#');
  const found = target === '' ? file.path : path.posix.normalize(path.posix.join(path.posix.dirname(file.path), target));
  if (!exists(found, world)) add('link', `${link} leads nowhere.`);
  else if (anchor !== undefined && target === '' && !headings(file.text).has(anchor)) add('link', `There is no heading #${anchor}.`);
}

/** Headings as anchors, as GitHub makes them. */
function headings(text: string): Set<string> {
  const slug = (title: string): string =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/gu, '-');
  return new Set([...text.matchAll(/^#+\s+(.+)$/gmu)].map((match) => slug(match[1] ?? '')));
}

function exists(target: string, world: World): boolean {
  const clean = target.replace(/\/$/u, '');
  if (clean === '.' || world.files.has(clean)) return true;
  if (clean.includes('*')) return [...world.files].some((file) => path.posix.matchesGlob(file, clean));
  return [...world.files].some((file) => file.startsWith(`${clean}/`));
}

/** A code span that is a path of this repository, or a command. */
function checkSpan(span: string, line: number, world: World, add: Add): void {
  if (/^[\w./-]+\.(?:ts|js|md|json|sql|yml):\d+/u.test(span)) add(line, 'line-number', `${span}: name the file, lines move.`);
  if (/^(?:npm|npx|node) /u.test(span)) checkCommand(span, line, world, add);
  if (!/^[\w.@*-]+(?:\/[\w.@*-]+)*\/?$/u.test(span)) return;
  const [top = ''] = span.split('/');
  const folders = new Set([...world.files].filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
  if (span.includes('/') && folders.has(top) && !exists(span, world)) add(line, 'path', `${span} does not exist.`);
  const bare = !span.includes('/') && /^[\w-]+\.(?:ts|json|md|yml)$/u.test(span);
  if (bare && ![...world.files].some((file) => path.posix.basename(file) === span)) add(line, 'path', `No file is called ${span}.`);
}

const npmOwn = new Set(['ci', 'install', 'i', 'pack', 'create', 'init', 'audit', 'ls', 'exec', 'view', 'publish', 'version', 'pkg']);

/** The commands of a line of shell: scripts, programs and files that they name. */
function checkCommand(content: string, line: number, world: World, add: Add): void {
  for (const part of content.replace(/^\s*\$ /u, '').split(/&&|\|\||[;|]/u)) {
    const words = part.trim().split(/\s+/u);
    while (/^[A-Z][A-Z0-9_]*=/u.test(words[0] ?? '')) words.shift();
    const [program, ...rest] = words;
    const first = rest.find((word) => !word.startsWith('-')) ?? '';
    if (program === 'npm') checkNpm(first, rest, world, (message) => add(line, 'command', message));
    if (program === 'npx' && !world.programs.has(first)) add(line, 'command', `npx ${first}: there is no such program here.`);
    if (program === 'node' && first.includes('/') && !exists(first.replace(/^\.\//u, ''), world)) {
      add(line, 'command', `${first} does not exist.`);
    }
  }
}

function checkNpm(first: string, rest: readonly string[], world: World, add: (message: string) => void): void {
  const script = first === 'run' ? (rest[rest.indexOf('run') + 1] ?? '') : first;
  if (script === '' || (first !== 'run' && npmOwn.has(first))) return;
  const workspace = rest[rest.findIndex((word) => word === '-w' || word === '--workspace') + 1 || rest.length] ?? '.';
  if (world.scripts.get(workspace)?.has(script) === true) return;
  const where = workspace === '.' ? '' : ` in ${workspace}`;
  add(`npm ${first === 'run' ? 'run ' : ''}${script}: there is no such script${where}.`);
}
