/** How a person names a revision: by its id, its id and slug, or its file; `base` is before the first, `head` the last. */
import { KeelsonError } from '../errors.ts';
import type { Revision } from './revision.ts';

const LISTED_MAX = 5;

/**
 * The place of a revision in the list; -1 for `base`.
 *
 * @throws USAGE when there is none of this name
 */
export function placeOf(revisions: readonly Revision[], reference: string): number {
  if (reference === 'base') return -1;
  if (reference === 'head') return revisions.length - 1;
  const name = reference.replace(/^.*[/\\]/, '').replace(/\.(?:sql|ts)$/, '');
  const place = revisions.findIndex((revision) => revision.id === name || nameOf(revision) === name);
  if (place !== -1) return place;
  const listed = revisions.slice(-LISTED_MAX).map((revision) => revision.id);
  throw new KeelsonError('USAGE', {
    message: `There is no revision ${JSON.stringify(reference)}.`,
    hint: listed.length === 0 ? 'There are no revisions at all.' : `The last ones are ${listed.join(', ')}; base and head may be said too.`,
  });
}

/** `20261120T1030_add_nickname` */
export function nameOf(revision: { readonly id: string; readonly slug: string }): string {
  return `${revision.id}_${revision.slug}`;
}
