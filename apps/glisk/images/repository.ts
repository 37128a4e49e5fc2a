/** Where jobs that draw are found. */
import { repository } from 'keelson/work';
import { ImageGenerationJob } from './entity.ts';

const LIST_DEFAULT = 100;

export class ImageGenerationJobRepository extends repository(ImageGenerationJob) {
  getById(id: string): Promise<ImageGenerationJob | null> {
    return this.find({ id });
  }

  /** The jobs of a token, the newest first: keys are UUIDv7. At most 1,000 at once. */
  getByToken(tokenId: string, limit = LIST_DEFAULT): Promise<ImageGenerationJob[]> {
    return this.list({ tokenId }, { orderBy: '-id', limit });
  }

  getLatestByToken(tokenId: string): Promise<ImageGenerationJob | null> {
    return this.find({ tokenId }, { orderBy: '-id' });
  }
}
