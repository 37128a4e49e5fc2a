/** Prometheus text: what was counted, in the form that Prometheus reads; its library is loaded with the first question. */
import type { Metric, Registry } from 'prom-client';
import type { Postgres } from '../postgres/postgres.ts';
import type { Durations, Histogram } from './durations.ts';
import type { Metrics } from './metrics.ts';
import type { Read, Sample } from './sample.ts';
import { type WorkSource, workReads } from './work-metrics.ts';

/** Text for an answer. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** Makes text of what was counted. */
export class Prometheus {
  readonly #reads: readonly Read[];
  #registries: Promise<readonly Registry[]> | undefined;

  constructor(metrics: Metrics, postgres: Pick<Postgres, 'pool' | 'readers'>, work?: WorkSource) {
    const { requests, statements, create, wait, use } = metrics;
    this.#reads = [
      ...poolReads(postgres),
      ...[create, wait, use, statements, requests].map(histogram),
      units(metrics),
      ...readers(postgres),
      ...(work === undefined ? [] : workReads(work)),
    ];
  }

  /** Everything, as text. */
  async render(): Promise<MetricsText> {
    this.#registries ??= this.#open();
    const registries = await this.#registries;
    const texts = await Promise.all(registries.map((registry) => registry.metrics()));
    return { contentType: registries[0]?.contentType ?? 'text/plain', text: texts.join('\n') };
  }

  async #open(): Promise<readonly Registry[]> {
    const { Registry: OwnRegistry } = await import('prom-client');
    const own = new OwnRegistry();
    for (const read of this.#reads)
      own.registerMetric(parseMetric({ ...read, aggregator: 'sum', get: async () => ({ ...read, values: await read.read() }) }));
    ofProcess ??= openProcess();
    return [own, await ofProcess];
  }
}

/** The process is one, however many apps run in it: its observers are hung up once. */
let ofProcess: Promise<Registry> | undefined;

async function openProcess(): Promise<Registry> {
  const { collectDefaultMetrics, Registry: ProcessRegistry } = await import('prom-client');
  const register = new ProcessRegistry();
  collectDefaultMetrics({ register });
  return register;
}

/** The nine metrics of a pool. @see https://opentelemetry.io/docs/specs/semconv/database/database-metrics/ */
function poolReads({ pool }: Pick<Postgres, 'pool'>): Read[] {
  const gauge = (name: string, help: string, value: () => number): Read => ({
    name: `db_client_connection_${name}`,
    help,
    type: 'gauge',
    read: () => [{ labels: {}, value: value() }],
  });
  return [
    {
      name: 'db_client_connection_count',
      help: 'The number of connections of the pool that are in the state.',
      type: 'gauge',
      read: () => [
        { labels: { state: 'idle' }, value: pool.stats.idle },
        { labels: { state: 'used' }, value: pool.stats.active },
      ],
    },
    gauge('idle_max', 'The maximum number of idle open connections allowed.', () => pool.stats.sizeMax),
    gauge('idle_min', 'The minimum number of idle open connections allowed.', () => 0),
    gauge('max', 'The maximum number of open connections allowed.', () => pool.stats.sizeMax + pool.stats.overflow),
    gauge('pending_requests', 'The number of current pending requests for an open connection.', () => pool.stats.waiting),
    {
      name: 'db_client_connection_timeouts_total',
      help: 'The number of times nobody gave a connection back in time.',
      type: 'counter',
      read: () => [{ labels: {}, value: pool.stats.timeoutsTotal }],
    },
  ];
}

function units({ units: counted }: Metrics): Read {
  return {
    name: 'keelson_units_of_work_total',
    help: 'Units of work that touched the database, by how they went; one that is run again counts as rolled back and as retried.',
    type: 'counter',
    read: () => Object.entries(counted).map(([outcome, value]) => ({ labels: { outcome }, value })),
  };
}

function readers({ readers: shared }: Pick<Postgres, 'readers'>): Read[] {
  return [
    {
      name: 'keelson_reader_connections',
      help: 'The connections that reads share.',
      type: 'gauge',
      read: () => [{ labels: {}, value: shared.size }],
    },
    {
      name: 'keelson_reader_statements_pending',
      help: 'The reads that have not been answered.',
      type: 'gauge',
      read: () => [{ labels: {}, value: shared.pending }],
    },
  ];
}

function histogram(source: Histogram): Read {
  const { name, help } = source;
  return { name, help, type: 'histogram', read: () => [...source.series].flatMap((series) => samplesOf(source, series)) };
}

function samplesOf({ name, labelNames, boundsS }: Histogram, { labels: values, counts, sumMs }: Durations): Sample[] {
  const labels = Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? '']));
  let total = 0;
  const buckets = [...boundsS, '+Inf'].map((bound, index) => {
    total += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: total };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: sumMs / 1_000 }, { metricName: `${name}_count`, labels, value: total }];
}

/** The library's registry needs no more of a metric than this. */
function parseMetric(metric: object): Metric {
  return metric as Metric;
}
