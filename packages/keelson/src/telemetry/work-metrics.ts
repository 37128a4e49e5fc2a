/** Metrics of workers and queues: what this process claims and how it ends, what it freed, and what waits for anybody. */
import type { Read, Sample } from './sample.ts';

/** What one worker or queue has done in this process. */
export interface WorkFacts {
  readonly name: string;
  readonly isPaused: boolean;
  readonly concurrency: number;
  readonly held: number;
  readonly running: number;
  readonly claimed: number;
  readonly done: number;
  readonly failed: number;
  readonly retried: number;
  readonly lost: number;
  readonly claims: number;
  readonly claimMsTotal: number;
  readonly runMsTotal: number;
}

/** What the sweeper of this process has done. */
export interface SweepFacts {
  readonly deadTotal: number;
  readonly freedTotal: number;
}

/** How many rows of one worker or queue wait. */
export interface WaitingFacts {
  readonly name: string;
  readonly waiting: number;
  /** Leased by any process. */
  readonly held: number;
}

/** Where the metrics of workers are read. */
export interface WorkSource {
  readonly stats: () => readonly WorkFacts[];
  readonly sweeps?: (() => SweepFacts) | undefined;
  /** Asks the database; when that fails, what waits is left out, and the rest is told. */
  readonly waiting?: (() => Promise<readonly WaitingFacts[]>) | undefined;
}

/** The metrics of a source. */
export function workReads({ stats, sweeps, waiting }: WorkSource): Read[] {
  const each = (type: Read['type'], [name, help]: readonly [string, string], value: (facts: WorkFacts) => number): Read => ({
    name: `keelson_worker_${name}`,
    help,
    type,
    read: () => stats().map((facts) => ({ labels: { worker: facts.name }, value: value(facts) })),
  });
  return [
    each('gauge', ['held', 'Rows or jobs that this process holds.'], ({ held }) => held),
    each('gauge', ['running', 'Runs that are under way in this process.'], ({ running }) => running),
    each('gauge', ['concurrency', 'How many runs this process allows at once.'], ({ concurrency }) => concurrency),
    each('gauge', ['paused', 'Whether this process claims nothing for it.'], ({ isPaused }) => Number(isPaused)),
    each('counter', ['claims_total', 'Claims, also those that found nothing.'], ({ claims }) => claims),
    each('counter', ['claimed_total', 'Rows or jobs that were claimed.'], ({ claimed }) => claimed),
    each('counter', ['claim_seconds_total', 'Time that claims took.'], ({ claimMsTotal }) => claimMsTotal / 1_000),
    each('counter', ['run_seconds_total', 'Time that runs took.'], ({ runMsTotal }) => runMsTotal / 1_000),
    {
      name: 'keelson_worker_ended_total',
      help: 'Runs that ended, by how; what was lost was done but not written, since the lease was no longer held.',
      type: 'counter',
      read: () => stats().flatMap(outcomes),
    },
    ...(sweeps === undefined ? [] : sweepReads(sweeps)),
    ...(waiting === undefined ? [] : waitingReads(waiting)),
  ];
}

function outcomes({ name, done, failed, retried, lost }: WorkFacts): Sample[] {
  return Object.entries({ done, failed, retried, lost }).map(([outcome, value]) => ({ labels: { worker: name, outcome }, value }));
}

function sweepReads(sweeps: () => SweepFacts): Read[] {
  return [
    {
      name: 'keelson_worker_lost_processes_total',
      help: 'Processes that the sweeper of this process found dead.',
      type: 'counter',
      read: () => [{ labels: {}, value: sweeps().deadTotal }],
    },
    {
      name: 'keelson_worker_recovered_total',
      help: 'Rows or jobs that the sweeper of this process gave back: those of the dead, and those whose lease ran out.',
      type: 'counter',
      read: () => [{ labels: {}, value: sweeps().freedTotal }],
    },
  ];
}

function waitingReads(waiting: () => Promise<readonly WaitingFacts[]>): Read[] {
  let asking: Promise<readonly WaitingFacts[]> | undefined;
  // Both metrics are read at once: one question answers both.
  const ask = (): Promise<readonly WaitingFacts[]> => {
    asking ??= waiting()
      .catch(() => [])
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  const each = ([name, help]: readonly [string, string], value: (facts: WaitingFacts) => number): Read => ({
    name: `keelson_worker_${name}`,
    help,
    type: 'gauge',
    read: async () => {
      const facts = await ask();
      return facts.map((fact) => ({ labels: { worker: fact.name }, value: value(fact) }));
    },
  });
  return [
    each(['waiting', 'Rows or jobs that wait to be claimed by any process, counted up to 10,000.'], (fact) => fact.waiting),
    each(['leased', 'Rows or jobs that any process holds, counted up to 10,000.'], ({ held }) => held),
  ];
}
