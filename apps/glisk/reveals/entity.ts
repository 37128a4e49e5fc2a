/** A transaction that reveals tokens. */
import { entity } from 'keelson/work';
import { revealLifeCycle } from './state.ts';
import { revealTransactions } from './table.ts';

/** Where a transaction was mined. */
export interface Confirmation {
  readonly blockNumber: number;
  readonly confirmedAt: Date;
  /** Exact decimal digits, as the column keeps them. */
  readonly gasPriceGwei?: string | null;
}

export class RevealTransaction extends entity(revealTransactions, revealLifeCycle) {
  markSent(txHash: string, gasPriceGwei: string | null = null): void {
    this.move('sent', { txHash, gasPriceGwei });
  }

  markConfirmed({ blockNumber, confirmedAt, gasPriceGwei = this.gasPriceGwei }: Confirmation): void {
    this.move('confirmed', { blockNumber, confirmedAt, gasPriceGwei });
  }

  markFailed(): void {
    this.move('failed');
  }
}
