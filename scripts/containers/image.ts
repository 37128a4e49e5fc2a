/** What the image says of how an application is started, and of its roles, for whoever starts one in the same way. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { quoteName, quoteText } from '../../packages/keelson/src/schema/sql.ts';
import { readInstructions } from './dockerfile.ts';

/** How the image starts Node. */
export interface ImageStart {
  /** What stands before the file: `--max-semi-space-size=1`. */
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads the start of an application from the Dockerfile. */
export function readImageStart(root: string): ImageStart {
  const instructions = readInstructions(readFileSync(path.join(root, 'deploy/Dockerfile'), 'utf8'));
  const textOf = (name: string): string => instructions.findLast((instruction) => instruction.name === name)?.text ?? '';
  const [, ...flags] = parseWords(textOf('ENTRYPOINT')).slice(0, -1);
  return {
    flags,
    environment: Object.fromEntries(
      textOf('ENV')
        .matchAll(/(\w+)=(\S+)/gu)
        .map(([, name = '', value = '']) => [name, value]),
    ),
  };
}

/** The SQL that makes the roles of an application, its variables filled in as psql does. */
export function renderRoles(root: string, variables: Readonly<Record<string, string>>): string {
  const text = readFileSync(path.join(root, 'deploy/postgres/roles.sql'), 'utf8');
  return text.replaceAll(/:(["'])(\w+)\1/gu, (_, quote: string, name: string) => {
    const value = variables[name] ?? '';
    return quote === '"' ? quoteName(value) : quoteText(value);
  });
}

function parseWords(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}
