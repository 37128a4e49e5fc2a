/** What every text file must keep to, whatever its language. */
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { numbered, type Problem, type SourceFile, type TidyRule } from './source.ts';

// Put together, so that this file does not report itself.
const left = new RegExp(
  `\\b(?:${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')}|${['HA', 'CK'].join('')})\\b`,
  'u',
);
const conflict = new RegExp(`^(?:${'<'.repeat(7)} |${'='.repeat(7)}$|${'>'.repeat(7)} )`, 'u');

/** White space, line ends, left-over notes and merge marks. */
export function checkText(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const add = (line: number, rule: TidyRule, message: string): void => {
    problems.push({ path: file.path, line, rule, message });
  };
  for (const { line, content } of numbered(file.text)) {
    if (/[ \t\r]$/u.test(content)) add(line, 'white-space', 'White space at the end of the line.');
    if (left.test(content)) add(line, 'left-over', 'Do it now, or open an issue: notes in the code are never read again.');
    if (conflict.test(content)) add(line, 'merge-mark', 'A mark of an unfinished merge.');
  }
  if (file.text !== '' && !file.text.endsWith('\n')) add(numbered(file.text).length, 'final-newline', 'The last line has no end.');
  if (file.text.endsWith('\n\n')) add(numbered(file.text).length, 'final-newline', 'Empty lines at the end.');
  return problems;
}

/** YAML and JSON files must parse. */
export function checkData(file: SourceFile): Problem[] {
  const extension = path.extname(file.path);
  if (extension === '.yml' || extension === '.yaml') {
    return parseAllDocuments(file.text, { uniqueKeys: true }).flatMap((document) =>
      [...document.errors, ...document.warnings].map((error) => ({
        path: file.path,
        line: error.linePos?.[0].line ?? 1,
        rule: 'yaml',
        message: error.message.split('\n')[0] ?? 'It does not parse.',
      })),
    );
  }
  if (extension !== '.json') return [];
  try {
    JSON.parse(file.text);
    return [];
  } catch (error) {
    return [{ path: file.path, line: 1, rule: 'json', message: String(error) }];
  }
}

const vague = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'manager', 'managers']);

/** A file is named by its role: no drawer that takes anything. An app may be called as its trade calls it. */
export function checkFileName(file: SourceFile): Problem[] {
  const named = file.path.replace(/^apps\/[^/]+\//u, '');
  const words = named.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/u).map((word) => word.toLowerCase());
  const word = words.find((each) => vague.has(each));
  if (word === undefined) return [];
  return [{ path: file.path, line: 1, rule: 'file-name', message: `"${word}" says nothing: name the file by its role.` }];
}
