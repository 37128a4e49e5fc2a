/** Metrics: what happens is counted here as it happens, and made into text only when somebody asks. */
import type { Clock } from '../clock.ts';
import type { Postgres } from '../postgres/postgres.ts';
import type { StatementEnd, UnitOutcome } from '../postgres/watch.ts';
import { Histogram } from './durations.ts';
import { StatementNames } from './statement-name.ts';
import type { Tracing } from './tracing.ts';

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
const HTTP_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
/** @see https://opentelemetry.io/docs/specs/semconv/database/database-metrics/ */
const DATABASE_BOUNDS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

/** Everything that is counted for one app. */
export class Metrics {
  readonly requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP requests, by the pattern of the route.',
    labelNames: ['method', 'route', 'status'],
    boundsS: HTTP_BOUNDS_S,
  });
  readonly statements = new Histogram({
    name: 'db_client_operation_duration_seconds',
    help: 'Duration of statements, from being asked for to being answered, by kind and by who asked.',
    labelNames: ['operation', 'holder', 'outcome'],
    boundsS: DATABASE_BOUNDS_S,
  });
  readonly create = poolTimes('create', 'The time it took to create a new connection.');
  readonly wait = poolTimes('wait', 'The time it took to obtain an open connection from the pool.');
  readonly use = poolTimes('use', 'The time between borrowing a connection and returning it to the pool.');
  readonly units: Record<UnitOutcome, number> = { committed: 0, rolled_back: 0, retried: 0 };
}

function poolTimes(what: string, help: string): Histogram {
  return new Histogram({ name: `db_client_connection_${what}_time_seconds`, help, labelNames: [], boundsS: DATABASE_BOUNDS_S });
}

/** Who is told of what a database does. */
export interface Listeners {
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Listens to a database; gives what ends it. Where nobody measures, nothing is hung on it. */
export function listenTo({ watch }: Pick<Postgres, 'watch'>, { metrics, tracing, clock }: Listeners): () => void {
  if (metrics === undefined && tracing === undefined) return () => undefined;
  const names = new StatementNames();
  watch.statement = (text, holder): StatementEnd | undefined => {
    const name = names.of(text);
    const endSpan = tracing?.statement(name);
    if (metrics === undefined) return endSpan;
    const startedMs = clock.monotonicMs();
    return (error) => {
      metrics.statements.of(name.operation, holder, error === undefined ? 'ok' : 'error').add(clock.monotonicMs() - startedMs);
      endSpan?.(error);
    };
  };
  if (metrics !== undefined) {
    const [create, wait, use] = [metrics.create.of(), metrics.wait.of(), metrics.use.of()];
    watch.opened = (durationMs) => create.add(durationMs);
    watch.waited = (durationMs) => wait.add(durationMs);
    watch.used = (durationMs) => use.add(durationMs);
    watch.unit = (outcome) => {
      metrics.units[outcome] += 1;
    };
  }
  return () => {
    watch.statement = undefined;
    watch.opened = undefined;
    watch.waited = undefined;
    watch.used = undefined;
    watch.unit = undefined;
  };
}
