/** The jobs of an app as a part of a process with workers. */
import { sql } from '../schema/sql.ts';
import { tableInfo } from '../schema/table.ts';
import type { Repositories } from '../work/model.ts';
import type { Jobs, Payloads } from './define-jobs.ts';
import { JobFetcher } from './job-fetcher.ts';
import { jobs as jobTable } from './jobs.ts';
import type { WakeKind } from './listen.ts';
import type { PartGround, ProcessPart, RunningPart } from './part.ts';
import type { Schedule } from './schedule.ts';
import { ScheduleClock } from './schedule-clock.ts';
import type { SweepTarget } from './sweep.ts';

/** What the jobs of an app run with beside their kinds. */
export interface JobsPartOptions {
  readonly schedules?: readonly Schedule[] | undefined;
  /** For how long a job is held without a sign of life; 30 s. It is extended while the job runs. */
  readonly leaseMs?: number | undefined;
}

const NAME = tableInfo(jobTable).name;

/** Frees the jobs of processes that died; one whose attempts are used up is dead. */
const sweep: SweepTarget = {
  table: NAME,
  attemptsMax: sql`"attempts_max"`,
  failSql: sql`"failed_at" = now(), "last_error" = jsonb_build_object('code', 'WORK_ABANDONED', 'message', 'Every attempt ended without an answer.', 'attempt', "attempts")`,
};

/** Runs an app's jobs, and makes those of its schedules. */
export function jobsPart<R extends Repositories, S, K extends Payloads>(
  jobs: Jobs<S, K>,
  options: JobsPartOptions = {},
): ProcessPart<R, S> {
  return {
    names: jobs.queues.map(({ name }) => name),
    sweeps: [sweep],
    start: (ground) => Promise.resolve(startJobs(jobs, options, ground)),
  };
}

function startJobs<R extends Repositories, S, K extends Payloads>(
  { kinds, queues }: Jobs<S, K>,
  { schedules = [], leaseMs }: JobsPartOptions,
  ground: PartGround<R, S>,
): RunningPart {
  const { postgres, log, clock, owner, pollMs, services } = ground;
  const { namespace } = ground.database.model;
  const onFreed = (kind: WakeKind): void => ground.wake(NAME, kind);
  const fetcher = new JobFetcher({
    postgres,
    namespace,
    kinds,
    queues,
    ground: { services, log },
    owner,
    clock,
    log,
    leaseMs,
    pollMs,
    onFreed,
  });
  const ticking = new ScheduleClock({ postgres, namespace, schedules, clock, log, onMade: () => ground.wake(NAME) });
  const deafen = ground.onWake(NAME, (kind) => fetcher.wake(kind));
  fetcher.start();
  ticking.start();
  return {
    get stats() {
      return fetcher.queues.map((queue) => queue.stats);
    },
    setPaused: (name, isPaused) => fetcher.setPaused(name, isPaused),
    drain: async (how) => {
      await ticking.stop();
      await fetcher.drain(how);
      deafen();
    },
  };
}
