/** The log of a command: lines for the person who waits, on standard error. */
import type { Fields, Log } from '../log.ts';
import { redactFields } from '../redact.ts';
import type { Context } from './context.ts';
import { plainText } from './output.ts';

/** A log that says what went wrong and what is waited for; with DEBUG, everything. */
export function talkLog({ output, environment }: Pick<Context, 'environment' | 'output'>): Log {
  const all = (environment['DEBUG'] ?? '') !== '';
  return makeLog({}, (level, event, fields) => {
    if (!all && (level === 'debug' || (level === 'info' && !event.endsWith('.waiting')))) return;
    const words = Object.entries(redactFields(fields)).map(
      ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    output.talk(plainText([`${level}:`, event, ...words].join(' ')));
  });
}

type Level = 'debug' | 'info' | 'warn' | 'error';

function makeLog(bound: Fields, write: (level: Level, event: string, fields: Fields) => void): Log {
  const at =
    (level: Level) =>
    (event: string, fields: Fields = {}): void =>
      write(level, event, { ...bound, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => makeLog({ ...bound, ...fields }, write),
  };
}
