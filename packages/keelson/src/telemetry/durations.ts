/** Durations: how often something took how long, in buckets, counted at the price of a few additions. */

/** A series of durations. */
export class Durations {
  readonly labels: readonly string[];
  /** How many fell into each bucket; the last one has what is longer than every bound. */
  readonly counts: Float64Array;
  sumMs = 0;
  readonly #boundsMs: readonly number[];

  constructor(labels: readonly string[], boundsMs: readonly number[]) {
    this.labels = labels;
    this.#boundsMs = boundsMs;
    this.counts = new Float64Array(boundsMs.length + 1);
  }

  /** Counts one. */
  add(durationMs: number): void {
    const bounds = this.#boundsMs;
    let bucket = 0;
    while (bucket < bounds.length && durationMs > (bounds[bucket] ?? 0)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumMs += durationMs;
  }
}

/** What a histogram is called, and how it is divided. */
export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly boundsS: readonly number[];
  /** So many series at most, 1,000: what comes after is counted under `other`, so that no name from outside fills the memory. */
  readonly seriesMax?: number | undefined;
}

/** Durations by labels. */
export class Histogram {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly boundsS: readonly number[];
  readonly #boundsMs: readonly number[];
  readonly #seriesMax: number;
  readonly #series = new Map<string, Durations>();

  constructor({ name, help, labelNames, boundsS, seriesMax = 1_000 }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.boundsS = boundsS;
    this.#boundsMs = boundsS.map((boundS) => boundS * 1_000);
    this.#seriesMax = seriesMax;
  }

  /** The series of these values of the labels. */
  of(...labels: readonly string[]): Durations {
    const key = labels.join('\n');
    return this.#series.get(key) ?? this.#open(key, labels);
  }

  /** Every series there is. */
  get series(): Iterable<Durations> {
    return this.#series.values();
  }

  #open(key: string, labels: readonly string[]): Durations {
    if (this.#series.size >= this.#seriesMax) return this.#other();
    const opened = new Durations(labels, this.#boundsMs);
    this.#series.set(key, opened);
    return opened;
  }

  #other(): Durations {
    const labels = this.labelNames.map(() => 'other');
    const key = labels.join('\n');
    const other = this.#series.get(key) ?? new Durations(labels, this.#boundsMs);
    this.#series.set(key, other);
    return other;
  }
}
