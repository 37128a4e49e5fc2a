/** What every contender of the unit-of-work benchmark does, and how its process answers the benchmark. */
import { answerCalls } from './calls.ts';
import { measure, parseLoad, type Load } from './measure.ts';

/** The rows of `bench.tokens`. */
export const TOKENS = 20_000;
/** Callers never share a row: each has an equal part of the table. */
export const CALLERS_MAX = 8;
/** Connections in each contender's pool. */
export const POOL_SIZE = 8;
const BATCH = 100;

/** The cases, and what they are called in print. */
export const cases = {
  loadOne: 'load 1, change, commit',
  loadHundred: 'load 100, change 100, commit',
  read: 'read-only block, load 1',
  empty: 'empty block',
  attach: 'change by id without loading, commit',
} as const;

/** The name of a case. */
export type CaseName = keyof typeof cases;

/** The same work, as each library does it. */
export interface Contender {
  open(databaseUrl: string): Promise<void>;
  /** In a transaction: load a token, advance its state, commit. */
  loadOne(id: string): Promise<unknown>;
  /** In a transaction: load these tokens, advance the state of each, commit. */
  loadHundred(ids: readonly string[]): Promise<unknown>;
  /** In a transaction: load a token. */
  read(id: string): Promise<unknown>;
  /** A transaction in which nothing is asked of the database. */
  empty(): Promise<unknown>;
  /** Write one column of a token whose id is known. */
  attach(id: string, imagePath: string): Promise<unknown>;
}

/** What the benchmark asks of a contender's process. */
export interface CaseLoad extends Load {
  readonly case: CaseName;
}

/** The state that follows; going round, so that a run never comes to an end. */
export function nextStatus(status: string): 'detected' | 'generating' {
  return status === 'detected' ? 'generating' : 'detected';
}

/** The id of the token with this number, as the seed makes it. */
export function tokenId(number: number): string {
  return `01936f2a-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** In a contender's own process: answers the benchmark. */
export function serveContender(contender: Contender): void {
  const ids = Array.from({ length: TOKENS }, (_, number) => tokenId(number));
  answerCalls({
    open: (databaseUrl) => contender.open(parseUrl(databaseUrl)),
    measure: (argument) => {
      const load = parseCaseLoad(argument);
      return measure(operation(contender, load.case, ids), load);
    },
    residentBytes: () => process.memoryUsage.rss(),
  });
}

function operation(contender: Contender, name: CaseName, ids: readonly string[]): (caller: number) => Promise<unknown> {
  const part = Math.floor(ids.length / CALLERS_MAX);
  const random = randomNumbers();
  const one = (caller: number): string => ids[caller * part + (random() % part)] ?? '';
  let pictures = 0;
  switch (name) {
    case 'loadOne':
      return (caller) => contender.loadOne(one(caller));
    case 'loadHundred':
      return (caller) => {
        const from = random();
        // 7 and the size of a part have no common divisor: a hundred different rows, not in the order of their keys.
        return contender.loadHundred(Array.from({ length: BATCH }, (_, index) => ids[caller * part + ((from + index * 7) % part)] ?? ''));
      };
    case 'read':
      return (caller) => contender.read(one(caller));
    case 'empty':
      return () => contender.empty();
    case 'attach':
      return (caller) => {
        pictures += 1;
        return contender.attach(one(caller), `picture-${process.pid}-${pictures}`);
      };
  }
}

/** Xorshift: the same order of rows for every contender, at no cost worth measuring. */
function randomNumbers(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function parseCaseLoad(argument: unknown): CaseLoad {
  return { ...parseLoad(argument), case: (argument as CaseLoad).case };
}

function parseUrl(argument: unknown): string {
  return argument as string;
}
