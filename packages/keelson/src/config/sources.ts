/** Where texts come from: the process environment, which wins, and the file `.env`. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { EnvironmentVariables } from './environment.ts';
import type { Finding } from './reading.ts';

/** Where a value comes from. */
export type Source = 'default' | '.env' | 'environment';

/** What is set, by name; an empty value means not set, so it is not in here. */
export interface Sources {
  readonly environment: ReadonlyMap<string, string>;
  readonly file: ReadonlyMap<string, string>;
  /** What is wrong with the file itself. */
  readonly finding: Finding | undefined;
}

/** A text that was found for a setting. */
export interface Found {
  readonly text: string;
  readonly source: Source;
  /** The name that it was set by: the setting's own or an alias. */
  readonly name: string;
}

const fileMaxBytes = 1_000_000;

/** Reads both sources. */
export function readSources(environment: EnvironmentVariables, directory: string): Sources {
  const file = readEnvFile(join(directory, '.env'));
  return typeof file === 'string'
    ? { environment: whatIsSet(environment), file: whatIsSet(parseEnv(file)), finding: undefined }
    : { environment: whatIsSet(environment), file: new Map(), finding: file };
}

/** Every place where one of the names is set, the one that holds first. */
export function findAll(sources: Sources, names: readonly string[]): readonly Found[] {
  const found: Found[] = [];
  for (const [source, texts] of [
    ['environment', sources.environment],
    ['.env', sources.file],
  ] as const) {
    for (const name of names) {
      const text = texts.get(name);
      if (text !== undefined) found.push({ text, source, name });
    }
  }
  return found;
}

function whatIsSet(texts: EnvironmentVariables): ReadonlyMap<string, string> {
  const set = new Map<string, string>();
  for (const [name, text] of Object.entries(texts)) {
    const trimmed = text?.trim() ?? '';
    if (trimmed !== '') set.set(name, trimmed);
  }
  return set;
}

/** The file's text, empty when there is none, or what is wrong with it. */
function readEnvFile(path: string): string | Finding {
  try {
    if (statSync(path).size > fileMaxBytes)
      return { problem: `it is larger than ${fileMaxBytes} bytes`, hint: 'Keep settings alone in it.' };
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
    if (/\0|\uFFFD/.test(text)) return { problem: 'it is not text in UTF-8', hint: 'Save it as UTF-8.' };
    return text;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    return { problem: `it cannot be read (${String(code)})`, hint: 'Make it a file that this user may read, or remove it.' };
  }
}
