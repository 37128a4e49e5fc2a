/** The life cycle of a transaction that reveals tokens. */
import { lifeCycle } from 'keelson/schema';
import { revealTransactions } from './table.ts';

export const revealLifeCycle = lifeCycle(revealTransactions.status, {
  pending: ['sent', 'failed'],
  sent: ['confirmed', 'failed'],
  confirmed: [],
  failed: [],
});
