/** The public face of `keelson/health`. */
export { createHealth } from './health.ts';
export type { Health, HealthAnswer, HealthOptions, HealthStatus } from './health.ts';
export type { HysteresisOptions } from './hysteresis.ts';
export type { MigrationState, ProbeOptions } from './probe.ts';
