/** Health: whether the process turns over, may take traffic, and how its database is, asked on a connection of its own. */
import type { Clock } from '../clock.ts';
import { catalogue } from '../errors.ts';
import type { PoolStats } from '../postgres/pool-stats.ts';
import { Hysteresis, type HysteresisOptions } from './hysteresis.ts';
import { type Finding, Probe, type ProbeOptions } from './probe.ts';

/** How a service is: `degraded` works, but something should be looked at. */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** An answer to a probe. */
export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What health is told from. */
export interface HealthOptions extends ProbeOptions {
  readonly poolStats: () => PoolStats;
  /** Whether the app has begun to stop. */
  readonly isDraining: () => boolean;
  readonly version: string;
  readonly clock: Clock;
  /** How soon `ready` changes; the other probes say what was found last. */
  readonly hysteresis?: HysteresisOptions | undefined;
}

/** Answers the probes; many at once cost one question to the database. */
export interface Health {
  /** Is the process turning over? Never asks the database. */
  live(): HealthAnswer;
  /** May traffic come? Lost after several failed looks in a row, until then `degraded`; back after several good ones. */
  ready(): Promise<HealthAnswer>;
  /** All of it in a line. */
  summary(): Promise<HealthAnswer>;
  /** The database in detail. */
  database(): Promise<HealthAnswer>;
  close(): Promise<void>;
}

/** From this share of the pool in use on, it is nearly full. */
const NEARLY_FULL_SHARE = 0.9;

/**
 * Makes the health of a service.
 *
 * @example
 * import { createHealth } from 'keelson/health';
 * import { systemClock } from 'keelson/clock';
 * import type { Postgres } from 'keelson/postgres';
 * export const healthOf = (postgres: Postgres) => createHealth({
 *   connect: () => postgres.connect(), migrations: async () => 'up_to_date', poolStats: () => postgres.pool.stats,
 *   isDraining: () => false, version: '1.0.0', clock: systemClock,
 * });
 */
export function createHealth(options: HealthOptions): Health {
  return new DatabaseHealth(options);
}

class DatabaseHealth implements Health {
  readonly #options: HealthOptions;
  readonly #probe: Probe;
  readonly #startedMs: number;
  readonly #hysteresis: Hysteresis;
  #last: Finding | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#probe = new Probe(options);
    this.#startedMs = options.clock.monotonicMs();
    this.#hysteresis = new Hysteresis(options.hysteresis);
  }

  live(): HealthAnswer {
    return { status: 200, body: { status: 'healthy' } };
  }

  async ready(): Promise<HealthAnswer> {
    if (this.#options.isDraining()) return { status: 503, body: { status: 'unhealthy', errors: ['The service is stopping.'] } };
    const finding = await this.#look();
    const isUp = this.#hysteresis.isUp;
    const found = this.#judge(finding);
    // While it is not yet clear which way it goes, what is looked at is said, and traffic goes on as before.
    const status = isUp === finding.isConnected ? found : isUp ? 'degraded' : 'unhealthy';
    const recovering =
      status === 'unhealthy' && finding.isConnected ? { errors: ['The database answers again, but not for long enough yet.'] } : {};
    return answer(status, { status, ...told(finding), ...recovering });
  }

  async summary(): Promise<HealthAnswer> {
    const finding = await this.#look();
    const status = this.#judge(finding);
    return answer(status, {
      status,
      timestamp: this.#options.clock.now().toISOString(),
      version: this.#options.version,
      uptime_seconds: Math.floor((this.#options.clock.monotonicMs() - this.#startedMs) / 1000),
      ...told(finding),
      ...(finding.isConnected ? {} : { error: failure }),
    });
  }

  async database(): Promise<HealthAnswer> {
    const finding = await this.#look();
    const status = this.#judge(finding);
    const pool = this.#options.poolStats();
    return answer(status, {
      status,
      timestamp: this.#options.clock.now().toISOString(),
      database_connected: finding.isConnected,
      connection_pool: {
        active_connections: pool.active,
        idle_connections: pool.idle,
        waiting_requests: pool.waiting,
        pool_size: pool.sizeMax,
      },
      response_time_ms: finding.isConnected ? Math.round(finding.responseTimeMs * 100) / 100 : null,
      migration_status: finding.isConnected ? finding.migrations : 'unknown',
      ...told(finding),
    });
  }

  close(): Promise<void> {
    return this.#probe.close();
  }

  /** Those who share a look count as one. */
  async #look(): Promise<Finding> {
    const finding = await this.#probe.look();
    if (finding !== this.#last) this.#hysteresis.note(finding.isConnected, this.#options.clock.monotonicMs());
    this.#last = finding;
    return finding;
  }

  #judge(finding: Finding): HealthStatus {
    if (!finding.isConnected) return 'unhealthy';
    return finding.migrations === 'up_to_date' && !isNearlyFull(this.#options.poolStats()) ? 'healthy' : 'degraded';
  }
}

/** The code and the words of the catalogue: those of the occurrence would name the host and the user. */
const failure = { code: 'DATABASE_CONNECTION_FAILED', message: catalogue.DATABASE_CONNECTION_FAILED.message } as const;

function told(finding: Finding): { readonly errors?: readonly string[] } {
  return finding.isConnected ? {} : { errors: [finding.problem] };
}

function answer(status: HealthStatus, body: Readonly<Record<string, unknown>>): HealthAnswer {
  return { status: status === 'unhealthy' ? 503 : 200, body };
}

function isNearlyFull({ active, waiting, sizeMax }: PoolStats): boolean {
  return waiting > 0 || active >= sizeMax * NEARLY_FULL_SHARE;
}
