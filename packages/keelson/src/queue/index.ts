/** The public face of `keelson/queue`. */
export { leaseColumns, leaseIndex } from './lease.ts';
export type { Leased } from './lease.ts';
export type { PartGround, ProcessPart, RunningPart, WorkerStats } from './part.ts';
export { PermanentError, RetryAfter } from './retry.ts';
export { defineWorkers } from './worker.ts';
export type { Gathering, RetryTimes, Worker, WorkerCall, WorkerClaim, WorkerDefinition, WorkerFactory, WorkerLimits } from './worker.ts';
