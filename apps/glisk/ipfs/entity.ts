/** An upload to IPFS. */
import { entity } from 'keelson/work';
import { ipfsUploadLifeCycle } from './state.ts';
import { type IpfsUploadError, ipfsUploadRecords } from './table.ts';

export class IpfsUploadRecord extends entity(ipfsUploadRecords, ipfsUploadLifeCycle) {
  markUploading(): void {
    this.move('uploading');
  }

  markCompleted(cid: string, completedAt: Date): void {
    this.move('completed', { cid, completedAt });
  }

  markFailed(errorData: IpfsUploadError, completedAt: Date): void {
    this.move('failed', { errorData, completedAt });
  }

  /** Waits again, and counts that it does. */
  retry(): void {
    this.redrive('pending', { errorData: null, completedAt: null, retryCount: this.retryCount + 1 });
  }
}
