/** The model of the chaos suite: tokens that are worked on once each, and a row for each time that one was finished. */
import { integer, timestamptz, uuid } from '../schema/column.ts';
import { enumType } from '../schema/enum-type.ts';
import { lifeCycle } from '../schema/life-cycle.ts';
import { index, table } from '../schema/table.ts';
import { entity } from '../work/entity.ts';
import { defineModel } from '../work/model.ts';
import { repository } from '../work/repository.ts';
import { leaseColumns, leaseIndex } from './lease.ts';
import { workers } from './worker-table.ts';

const tokenStatus = enumType('token_status', ['detected', 'generating', 'uploading', 'failed']);

const tokens = table(
  'tokens',
  {
    id: uuid().primaryKey(),
    tokenId: integer().unique(),
    status: tokenStatus().default('detected'),
    mintTimestamp: timestamptz(),
    ...leaseColumns(),
  },
  (t) => [index(t.status, t.mintTimestamp), leaseIndex(t)],
);

const cycle = lifeCycle(
  tokens.status,
  { detected: ['generating', 'failed'], generating: ['uploading', 'failed'], uploading: [], failed: [] },
  { redrive: { generating: ['detected'] } },
);

class Token extends entity(tokens, cycle) {
  markUploading(): void {
    this.move('uploading');
  }

  markFailed(): void {
    this.move('failed');
  }
}

class TokenRepository extends repository(Token) {}

/** Written in the unit that finishes a token: two of one token are a double finish. */
const finishes = table('finishes', { id: uuid().primaryKey(), tokenId: integer(), epoch: integer() });

export class Finish extends entity(finishes) {}

class FinishRepository extends repository(Finish) {}

export const model = defineModel({
  name: 'chaos',
  tables: [tokens, finishes, workers],
  repositories: { tokens: TokenRepository, finishes: FinishRepository },
});

export type Repos = typeof model.repositories;
