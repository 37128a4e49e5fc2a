/** Folders outside the project, in places that other users may write to as well: used only when they are truly ours. */
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { embeddedFailure } from './failure.ts';

/**
 * Makes a folder that others may enter but only this user may write to, or makes sure that the one there is such. Programs are run
 * from such folders and data is kept in them, and the temporary folder is open to everybody: whoever is first could plant there.
 *
 * @throws EMBEDDED_SERVER_FAILED when it belongs to another user
 */
export async function openOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const found = await lstat(path);
  if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) {
    throw embeddedFailure(`${path} is not a folder of this user.`, { hint: `Remove ${path}.` });
  }
  // Whatever the umask was: the server's account must get in, and nobody else may write.
  await chmod(path, 0o755);
}

/** What each of several places said why it cannot be used. */
export function describeProblem(place: string, error: unknown): string {
  return `${place}: ${error instanceof Error ? error.message : String(error)}`;
}
