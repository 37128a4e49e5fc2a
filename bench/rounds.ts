/** Rounds that alternate between contenders, so that a drift of the machine meets all of them alike. */
import { median, medianRatio } from './figures.ts';
import type { Measurement } from './measure.ts';

/** The medians of a contender in one case, and each of its rounds. */
export interface Series {
  readonly contender: string;
  readonly cpuMicros: number;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rounds: readonly Measurement[];
}

/** Runs each contender once a round: A B C, then C B A, then A B C … */
export async function runRounds(
  contenders: readonly string[],
  rounds: number,
  measureOne: (contender: string) => Promise<Measurement>,
): Promise<readonly Series[]> {
  const measured = new Map<string, Measurement[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
      measured.get(contender)?.push(await measureOne(contender));
  }
  return contenders.map((contender) => summarise(contender, measured.get(contender) ?? []));
}

/** The CPU per operation of one contender over another's, round by round. */
export function cpuRatio(all: readonly Series[], contender: string, reference: string): number {
  return ratio(all, { contender, reference }, (round) => round.cpuMicros);
}

/** The operations per second of one contender over another's, round by round. */
export function rateRatio(all: readonly Series[], contender: string, reference: string): number {
  return ratio(all, { contender, reference }, (round) => round.operationsPerSecond);
}

function ratio(all: readonly Series[], pair: { contender: string; reference: string }, figure: (round: Measurement) => number): number {
  const of = (name: string): readonly number[] => all.find((series) => series.contender === name)?.rounds.map(figure) ?? [];
  return medianRatio(of(pair.contender), of(pair.reference));
}

function summarise(contender: string, rounds: readonly Measurement[]): Series {
  const of = (figure: (round: Measurement) => number): number => median(rounds.map(figure));
  return {
    contender,
    cpuMicros: of((round) => round.cpuMicros),
    operationsPerSecond: of((round) => round.operationsPerSecond),
    p50Ms: of((round) => round.p50Ms),
    p99Ms: of((round) => round.p99Ms),
    rounds,
  };
}
