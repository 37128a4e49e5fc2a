/** Entity tags: the version of a row as a header, and the conditions that callers make of it. */
import { KeelsonError } from '../errors.ts';

const STRONG = /^"[\u0021\u0023-\u007e]*"$/u;
// A list may have empty places (RFC 9110, section 5.6.1.2).
const LIST = /^[\s,]*(?:W\/)?"[\u0021\u0023-\u007e]*"\s*(?:,[\s,]*(?:W\/)?"[\u0021\u0023-\u007e]*"\s*)*[\s,]*$/u;

/** The tag of a version: strong, since two rows with one version are the same. */
export function etagOf(version: unknown): string {
  return `"${String(version)}"`;
}

/**
 * Whether a write may go on: `*`, or one of the tags is that of the row. A weak tag is none that a write can rest on.
 *
 * @throws MALFORMED_REQUEST for what is no list of tags
 * @see RFC 9110, section 13.1.1
 */
export function allowsWrite(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  const tags = tagsIn(header);
  if (tags === undefined) {
    throw new KeelsonError('MALFORMED_REQUEST', {
      message: 'If-Match holds no ETag.',
      hint: 'Send the ETag as it was answered, with its quotes.',
    });
  }
  return tags.some((tag) => STRONG.test(tag) && tag === etag);
}

/**
 * Whether a caller has this already; here a weak tag is as good as a strong one. What is no list of tags is passed over.
 *
 * @see RFC 9110, section 13.1.2
 */
export function isKnown(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return tagsIn(header)?.some((tag) => tag.replace(/^W\//u, '') === etag) ?? false;
}

function tagsIn(header: string): readonly string[] | undefined {
  // Node hands on 16 kB of headers at the most, so the expression has little to read.
  return LIST.test(header) ? (header.match(/(?:W\/)?"[^"]*"/gu) ?? undefined) : undefined;
}
