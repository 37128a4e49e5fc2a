/** The bench of the edge's tests: the notes app over a database of its own, asked by injection or over a raw socket. */
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { testDatabase } from '../testing/database.ts';
import { model, notesServer, type RecordingLog, type ServerChoices } from './notes.fixture.ts';

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** An open bench. */
export interface Bench extends AsyncDisposable {
  readonly server: FastifyInstance;
  readonly log: RecordingLog;
  readonly database: Awaited<ReturnType<typeof testDatabase<typeof model.repositories>>>;
  call(options: InjectOptions): Promise<Reply>;
  /** Sends a body as it is. */
  post(url: string, payload: string | Buffer, headers?: Record<string, string>): Promise<Reply>;
  /** Sends text over a socket, and gives what came until the server closed it. */
  raw(text: string | Buffer): Promise<Reply>;
}

export const anna = { authorization: 'Bearer anna' };

/** Opens a bench; `await using` closes it. */
export async function openBench(choices: ServerChoices = {}): Promise<Bench> {
  const database = await testDatabase({ model });
  const { server, log, close } = await notesServer(database, choices);
  let port: number | undefined;
  const call = async (options: InjectOptions): Promise<Reply> => {
    const { statusCode, headers, payload } = await server.inject(options);
    return { status: statusCode, headers, text: payload, json: parseJson(payload) };
  };
  return {
    server,
    log,
    database,
    call,
    post: (url, payload, headers = {}) =>
      call({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } }),
    raw: async (text) => {
      port ??= Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port);
      const socket = connect(port, '127.0.0.1');
      socket.write(text);
      return readReply(await textOf(socket));
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await database[Symbol.asyncDispose]();
    },
  };
}

function readReply(text: string): Reply {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  const body = rest.join('\r\n\r\n');
  return { status: Number(first.split(' ')[1]), headers, text: body, json: parseJson(body) };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
