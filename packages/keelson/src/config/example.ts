/** What declarations say, written down for people: the file `.env.example` and the table of settings. */
import { parseEnv } from 'node:util';
import type { Declaration, Declarations } from './declaration.ts';
import type { SettingsDefinition } from './definition.ts';

const widthMax = 118;

const head = `# The settings of this app. Copy this file to .env and change what you need.
# What the environment says wins over .env. An empty value means not set: the default holds.
`;

/** The text of `.env.example`: every variable with what it means, what may be written and its default. */
export function renderEnvExample(definition: SettingsDefinition<Declarations>): string {
  const entries = Object.entries(definition.declarations).map(([name, declaration]) => renderEntry(name, declaration));
  return `${head}\n${entries.join('\n')}`;
}

function renderEntry(name: string, declaration: Declaration<unknown>): string {
  const facts = [declaration.form, `default: ${declaration.defaultText ?? 'none'}`];
  if (declaration.requiredIn.length > 0) facts.push(`required in ${declaration.requiredIn.join(', ')}`);
  if (declaration.aliases.length > 0) facts.push(`also read as ${declaration.aliases.join(', ')}`);
  const line = declaration.secret ? '' : quoted(declaration.defaultLine ?? '');
  return `${comment(declaration.description)}${comment(facts.join(' · '))}${name}=${line}\n`;
}

function comment(words: string): string {
  const lines = [''];
  for (const word of words.split(/\s+/)) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length + 1 > widthMax) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => `# ${line}\n`).join('');
}

/** A value as it is written in `.env`, so that reading gives it back; empty when no way of quoting does. */
export function quoted(value: string): string {
  const ways = [value, `"${value}"`, `'${value}'`, `\`${value}\``];
  return ways.find((way) => parseEnv(`NAME=${way}\nNEXT=1\n`)['NAME'] === value) ?? '';
}

/** The table of settings for the documents, in Markdown. */
export function renderSettingsTable(definition: SettingsDefinition<Declarations>): string {
  const rows = Object.entries(definition.declarations).map(([name, declaration]) => {
    const names = [name, ...declaration.aliases].map((each) => `\`${each}\``).join(', ');
    const required = declaration.requiredIn.length > 0 ? `; required in ${declaration.requiredIn.join(', ')}` : '';
    return `| ${names} | ${cell(declaration.form)} | ${cell(declaration.defaultText ?? 'none')}${required} | ${cell(declaration.description)} |\n`;
  });
  return `| name | what may be written | default | meaning |\n|---|---|---|---|\n${rows.join('')}`;
}

function cell(words: string): string {
  return words.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
