/** Keys: UUIDv7, made in the application, so that a key is known before its row is written. */
import { v7 } from 'uuid';

/**
 * Makes a key that sorts by the time it was made.
 *
 * @see RFC 9562, section 5.7
 * @example
 * import { newId } from 'keelson/id';
 * const id = newId(); // '019aa1c8-…'
 */
export function newId(): string {
  return v7();
}
