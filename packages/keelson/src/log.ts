/** Events with fields as lines: JSON for machines, readable ones for a terminal; secrets never pass. */
import { createRequire } from 'node:module';
import { destination as fileDestination, pino, type DestinationStream } from 'pino';
import type { prettyFactory as PrettyFactory } from 'pino-pretty';
import { systemClock, type Clock } from './clock.ts';
import { currentRequest, fieldsOfRequest } from './context.ts';
import { redactFields, redactText, type Plain } from './redact.ts';

/** What an event says beside its name. */
export type Fields = Readonly<Record<string, unknown>>;

/** Writes events. An event's name is `subject.what_happened`. */
export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** A log that adds these fields to each of its lines. */
  child(fields: Fields): Log;
}

/** From which level on events are written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** How a log writes, and where. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** A stream or a file descriptor; standard output when left out. */
  readonly destination?: { write(line: string): unknown } | number | undefined;
  readonly clock?: Clock | undefined;
  /** Colour in the readable form. */
  readonly color?: boolean | undefined;
}

/**
 * Makes a log.
 *
 * @example
 * import { createLog } from 'keelson/log';
 * const log = createLog({ level: 'info', format: 'json' });
 * log.info('http.request', { method: 'GET', path: '/health', status: 200, duration_ms: 0.4 });
 */
export function createLog(options: LogOptions): Log {
  if (options.level === 'silent') return silentLog;
  const clock = options.clock ?? systemClock;
  const writer = pino(
    {
      base: null,
      level: options.level,
      timestamp: () => `,"time":"${clock.now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    openDestination(options),
  );
  return new PinoLog(writer, {});
}

/** The part of pino that is used. */
interface Writer {
  isLevelEnabled(level: string): boolean;
  debug(line: object): void;
  info(line: object): void;
  warn(line: object): void;
  error(line: object): void;
}

class PinoLog implements Log {
  private readonly writer: Writer;
  private readonly bound: Readonly<Record<string, Plain>>;

  constructor(writer: Writer, bound: Readonly<Record<string, Plain>>) {
    this.writer = writer;
    this.bound = bound;
  }

  debug(event: string, fields?: Fields): void {
    if (this.writer.isLevelEnabled('debug')) this.writer.debug(this.line(event, fields));
  }

  info(event: string, fields?: Fields): void {
    if (this.writer.isLevelEnabled('info')) this.writer.info(this.line(event, fields));
  }

  warn(event: string, fields?: Fields): void {
    if (this.writer.isLevelEnabled('warn')) this.writer.warn(this.line(event, fields));
  }

  error(event: string, fields?: Fields): void {
    if (this.writer.isLevelEnabled('error')) this.writer.error(this.line(event, fields));
  }

  child(fields: Fields): Log {
    return new PinoLog(this.writer, { ...this.bound, ...safeFields(fields) });
  }

  private line(event: string, fields: Fields | undefined): Record<string, Plain> {
    const request = currentRequest();
    const whose = request === undefined ? undefined : fieldsOfRequest(request);
    return { event: redactText(event), ...whose, ...this.bound, ...(fields === undefined ? undefined : safeFields(fields)) };
  }
}

/** Names that every line has already; a field of such a name is kept under another. */
const taken = ['time', 'level', 'event'];

function safeFields(fields: Fields): Record<string, Plain> {
  const safe = redactFields(fields);
  for (const name of taken) {
    if (name in safe) {
      safe[`${name}_`] = safe[name];
      delete safe[name];
    }
  }
  return safe;
}

function openDestination(options: LogOptions): DestinationStream {
  const target = options.destination;
  const plain = typeof target === 'object' ? toDestination(target) : fileDestination({ dest: target ?? 1, sync: true });
  return options.format === 'pretty' ? readable(plain, options.color === true) : plain;
}

function toDestination(stream: { write(line: string): unknown }): DestinationStream {
  return { write: (line) => void stream.write(line) };
}

/** Lines for people. In this process and in order: a worker transport would lose the last lines of a crash. */
function readable(plain: DestinationStream, color: boolean): DestinationStream {
  const pretty = loadPretty();
  if (pretty === undefined) return plain;
  const toText = pretty.prettyFactory({
    colorize: color,
    messageKey: 'event',
    singleLine: true,
    errorLikeObjectKeys: ['error', 'err'],
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => plain.write(toText(line)) };
}

/** Loaded when it is needed, and only then. A bundle may have left it out: then the lines stay JSON. */
function loadPretty(): { prettyFactory: typeof PrettyFactory } | undefined {
  try {
    return parsePretty(createRequire(import.meta.url)('pino-pretty'));
  } catch {
    return undefined;
  }
}

function parsePretty(module: unknown): { prettyFactory: typeof PrettyFactory } {
  return module as { prettyFactory: typeof PrettyFactory };
}

/** A log that writes nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
