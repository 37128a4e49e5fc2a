/** A token; it moves by its named methods alone. */
import { KeelsonError } from 'keelson/errors';
import { entity } from 'keelson/work';
import { tokenLifeCycle } from './state.ts';
import { type TokenError, tokens } from './table.ts';

export class Token extends entity(tokens, tokenLifeCycle) {
  markGenerating(): void {
    this.move('generating');
  }

  /** The picture is drawn; where it lies is kept by its job (`image_generation_jobs.image_path`). */
  markUploading(imagePath: string): void {
    refuseEmpty('imagePath', imagePath);
    this.move('uploading');
  }

  markReady(metadataCid: string): void {
    refuseEmpty('metadataCid', metadataCid);
    this.move('ready', { metadataCid });
  }

  /** The contract shows the picture; the transaction is kept in `reveal_transactions`. */
  markRevealed(txHash: string): void {
    refuseEmpty('txHash', txHash);
    this.move('revealed');
  }

  markFailed(errorData: TokenError): void {
    this.move('failed', { errorData });
  }

  /** Begins anew, with all its attempts; a worker that still holds it has lost its lease. */
  retry(): void {
    this.redrive('detected', {
      imageCid: null,
      metadataCid: null,
      errorData: null,
      attempts: 0,
      availableAt: new Date(0),
      leaseOwner: null,
      leaseUntil: null,
    });
  }
}

function refuseEmpty(field: string, value: string): void {
  if (value.trim() !== '') return;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field, message: 'must not be empty' }] });
}
