/** What the type checker refuses of jobs. */
import * as Type from 'typebox';
import type { Unit } from '../work/unit.ts';
import { defineJobs } from './define-jobs.ts';
import type { model } from './jobs.fixture.ts';

interface Services {
  readonly send: (to: string) => Promise<void>;
}

const jobs = defineJobs<Services>()({
  welcome: {
    payload: Type.Object({ to: Type.String() }),
    uniqueKey: ({ to }) => to.toLowerCase(),
    run: ({ to }, { services }) => services.send(to),
  },
  count: { payload: Type.Object({ n: Type.Integer() }), run: ({ n }, { log }) => log.info('counted', { n: n + 1 }) },
});

export async function uses(unit: Unit<typeof model.repositories>): Promise<void> {
  await jobs.enqueue(unit, 'welcome', { to: 'a' });
  await jobs.enqueueMany(unit, 'count', [{ n: 1 }], { priority: 1 });
  jobs.schedule('nightly', { cron: '0 3 * * *', kind: 'count', payload: { n: 1 } });
  // @ts-expect-error -- the payload of another kind
  await jobs.enqueue(unit, 'welcome', { n: 1 });
  // @ts-expect-error -- there is no such kind
  await jobs.enqueue(unit, 'farewell', { to: 'a' });
  // @ts-expect-error -- the payload of a schedule is that of its kind
  jobs.schedule('nightly', { cron: '0 3 * * *', kind: 'count', payload: { to: 'a' } });
  // @ts-expect-error -- a unit of work without the repository of jobs
  await jobs.enqueue({ sql: unit.sql }, 'count', { n: 1 });
}

// @ts-expect-error -- the services are those of the app
defineJobs<Services>()({ wrong: { payload: Type.Object({}), run: (_, { services }) => services.send(1) } });
