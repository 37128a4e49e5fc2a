/** The jobs of upkeep, and when they are due. */
import { defineJobs, jobsPart, type ProcessPart } from 'keelson/queue';
import * as Type from 'typebox';
import type { Repositories } from '../model.ts';
import type { Services } from '../services.ts';

const nothing = Type.Object({});

const jobs = defineJobs<Services>()({
  'tokens.recover': { payload: nothing, run: async (_, { services, log }) => void (await services.upkeep.recover(log)) },
  'pictures.forget': { payload: nothing, run: (_, { services, log }) => services.upkeep.forgetPictures(log) },
});

export const upkeep: ProcessPart<Repositories, Services> = jobsPart(jobs, {
  schedules: [
    jobs.schedule('recover', { cron: '* * * * *', kind: 'tokens.recover', payload: {} }),
    jobs.schedule('forget', { cron: '17 4 * * *', kind: 'pictures.forget', payload: {} }),
  ],
});
