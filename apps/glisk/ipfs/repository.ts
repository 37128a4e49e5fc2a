/** Where uploads to IPFS are found. */
import { repository } from 'keelson/work';
import { IpfsUploadRecord } from './entity.ts';

const LIST_DEFAULT = 100;

export class IpfsUploadRecordRepository extends repository(IpfsUploadRecord) {
  getById(id: string): Promise<IpfsUploadRecord | null> {
    return this.find({ id });
  }

  /** The uploads of a token, of one type where it is given; the newest first: keys are UUIDv7. At most 1,000 at once. */
  getByToken(tokenId: string, recordType?: IpfsUploadRecord['recordType'], limit = LIST_DEFAULT): Promise<IpfsUploadRecord[]> {
    return this.list(recordType === undefined ? { tokenId } : { tokenId, recordType }, { orderBy: '-id', limit });
  }
}
