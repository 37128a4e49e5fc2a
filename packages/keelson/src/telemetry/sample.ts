/** What a metric is made of: lines that are read when somebody asks. */

/** One line of a metric. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric whose values are read when it is asked for. */
export interface Read {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly read: () => Sample[] | Promise<Sample[]>;
}
