/** The model of GLISK: its tables, and the repositories that units of work have. */
import { JobRepository, jobs, queuePauses, schedules, workers } from 'keelson/queue';
import { defineModel, outbox } from 'keelson/work';
import { AuthorRepository } from './authors/repository.ts';
import { authors } from './authors/table.ts';
import { ImageGenerationJobRepository } from './images/repository.ts';
import { imageGenerationJobs } from './images/table.ts';
import { IpfsUploadRecordRepository } from './ipfs/repository.ts';
import { ipfsUploadRecords } from './ipfs/table.ts';
import { MintEventRepository } from './mints/repository.ts';
import { mintEvents } from './mints/table.ts';
import { RevealTransactionRepository } from './reveals/repository.ts';
import { revealTransactions } from './reveals/table.ts';
import { SystemStateRepository } from './system/repository.ts';
import { systemState } from './system/table.ts';
import { TokenRepository } from './tokens/repository.ts';
import { tokens } from './tokens/table.ts';

const repositories = {
  authors: AuthorRepository,
  tokens: TokenRepository,
  mintEvents: MintEventRepository,
  imageJobs: ImageGenerationJobRepository,
  ipfsRecords: IpfsUploadRecordRepository,
  revealTxs: RevealTransactionRepository,
  systemState: SystemStateRepository,
  jobs: JobRepository,
};

/** The repositories by the names that units of work give them. */
export type Repositories = typeof repositories;

/** Everything that GLISK keeps, in the namespace `glisk`. */
export const model = defineModel({
  name: 'glisk',
  tables: [
    authors,
    tokens,
    mintEvents,
    imageGenerationJobs,
    ipfsUploadRecords,
    revealTransactions,
    systemState,
    outbox,
    workers,
    jobs,
    schedules,
    queuePauses,
  ],
  repositories,
});
