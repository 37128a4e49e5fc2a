/** The public face of `keelson/queue`. */
export { defineJobs } from './define-jobs.ts';
export type { JobKinds, Jobs, Payloads, ScheduleDefinition } from './define-jobs.ts';
export type { EnqueueOptions, JobUnit } from './enqueue.ts';
export type { JobCall, JobKind, Queue } from './job-kind.ts';
export { Job, JobRepository, jobs, queuePauses, schedules } from './jobs.ts';
export type { JobFailure } from './jobs.ts';
export { jobsPart } from './jobs-part.ts';
export { leaseColumns, leaseIndex } from './lease.ts';
export type { Leased } from './lease.ts';
export type { PartGround, ProcessPart, RunningPart, WorkerStats } from './part.ts';
export { WorkerProcess } from './process.ts';
export type { ProcessOptions, WorkerSettings } from './process.ts';
export { PermanentError, RetryAfter } from './retry.ts';
export { defineWorkers } from './worker.ts';
export type { Gathering, Worker, WorkerCall, WorkerClaim, WorkerDefinition, WorkerFactory } from './worker.ts';
export type { RetryTimes, WorkerLimits } from './worker-limits.ts';
export type { Schedule, ScheduleOptions } from './schedule.ts';
export { workers } from './worker-table.ts';
