/** The version of this library, as the history records it. */
import manifest from '../../package.json' with { type: 'json' };

/** The version of the package. */
export const keelsonVersion: string = manifest.version;
