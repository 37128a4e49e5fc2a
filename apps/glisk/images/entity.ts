/** A job that draws a picture. */
import { entity } from 'keelson/work';
import { imageJobLifeCycle } from './state.ts';
import { type ImageJobError, imageGenerationJobs } from './table.ts';

export class ImageGenerationJob extends entity(imageGenerationJobs, imageJobLifeCycle) {
  markRunning(externalJobId: string | null = null): void {
    this.move('running', { externalJobId });
  }

  /** `imagePath` is where the picture lies: what the token's `markUploading` is given. */
  markCompleted(imagePath: string, completedAt: Date): void {
    this.move('completed', { imagePath, completedAt });
  }

  markFailed(errorData: ImageJobError, completedAt: Date): void {
    this.move('failed', { errorData, completedAt });
  }

  /** Waits again, and counts that it does. */
  retry(): void {
    this.redrive('pending', { errorData: null, completedAt: null, retryCount: this.retryCount + 1 });
  }
}
