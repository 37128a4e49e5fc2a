/** What every contender of the HTTP benchmark serves, and how its process answers the benchmark. */
import { answerCalls } from './calls.ts';

/** Connections in each contender's pool. */
export const POOL_SIZE = 10;

/** Where the routes lie: GET `<USERS>/<id>` and POST `<USERS>`, and GET `/health`, which asks nothing of the database. */
export const USERS = '/api/v1/users';

/** The rows of `bench.users`. */
export const USER_ROWS = 10_000;

/** The id of the user with this number, as the seed makes it. */
export function userId(number: number): string {
  return `01936f2a-2222-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** CPU time and memory of a contender's process. */
export interface Usage {
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

/** In a contender's own process: `start` listens on 127.0.0.1 and tells the port. */
export function serveHttpContender(start: (databaseUrl: string) => Promise<number>): void {
  answerCalls({
    start: (databaseUrl) => start(parseUrl(databaseUrl)),
    usage: (): Usage => {
      const { user, system } = process.cpuUsage();
      return { cpuMicros: user + system, residentBytes: process.memoryUsage.rss() };
    },
  });
}

/** Reads what `usage` answered. */
export function parseUsage(result: unknown): Usage {
  return result as Usage;
}

function parseUrl(argument: unknown): string {
  return argument as string;
}
