/** What a command is told beside its arguments: by a person on a terminal, or by what is piped into it. */
import type { Readable, Writable } from 'node:stream';
import { Writable as WritableStream } from 'node:stream';
import { KeelsonError } from '../errors.ts';

/** Where a command reads. */
export interface Input {
  /** Whether a person sits there, who can be asked. */
  readonly terminal: boolean;
  /** What is typed or piped in. */
  readonly stream: Readable;
  /** Where a question stands, and what is typed is seen. */
  readonly echo: Writable;
}

/** The input of this process. */
export function processInput(): Input {
  return {
    get terminal() {
      return process.stdin.isTTY && process.stderr.isTTY;
    },
    get stream() {
      return process.stdin;
    },
    // Standard output is data.
    get echo() {
      return process.stderr;
    },
  };
}

/** Asks a person and gives the answer; nothing when the line was ended without one. */
export async function ask(input: Input, question: string): Promise<string> {
  return answer(input, input.echo, question);
}

/** Asks for what nobody beside the terminal may read. */
export async function askSecret(input: Input, question: string): Promise<string> {
  const nowhere = new WritableStream({ write: (_chunk, _encoding, done) => done() });
  const given = answer(input, nowhere, '');
  // Only now: from here on the terminal itself shows nothing, however quickly somebody types.
  input.echo.write(question);
  try {
    return await given;
  } finally {
    input.echo.write('\n');
  }
}

async function answer(input: Input, output: Writable, question: string): Promise<string> {
  // Here, and not above: only commands ask, and a service would load it for nothing. It must not be waited for, or what is typed meanwhile is seen.
  const { createInterface } = process.getBuiltinModule('node:readline/promises');
  const lines = createInterface({ input: input.stream, output, terminal: true, historySize: 0 });
  const { promise: left, reject } = Promise.withResolvers<never>();
  // Ctrl-C and Ctrl-D.
  lines.once('close', () => reject(new KeelsonError('USAGE', { message: 'It was not answered; nothing was done.' })));
  try {
    return await Promise.race([lines.question(question), left]);
  } finally {
    lines.close();
  }
}

/**
 * Everything that is piped in, as text.
 *
 * @throws USAGE when it is too much, or not UTF-8
 */
export async function readAll(input: Input, sizeBytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of input.stream) {
    const bytes = parseChunk(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > sizeBytesMax) throw new KeelsonError('USAGE', { message: `What is piped in is larger than ${sizeBytesMax} bytes.` });
    chunks.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new KeelsonError('USAGE', { message: 'What is piped in is not UTF-8.', hint: 'Convert it, with iconv for one.', cause });
  }
}

/** A stream of bytes gives buffers, or text where its encoding was set. */
function parseChunk(chunk: unknown): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
}
