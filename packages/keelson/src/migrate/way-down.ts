/** How far down: what a person says, a number, a revision or `base`, against what is applied. */
import { KeelsonError } from '../errors.ts';
import { type Comparison, refuse, refuseIrreversible } from './compare.ts';
import { nameOf, placeOf } from './reference.ts';
import type { Revision } from './revision.ts';

/**
 * The revisions to take back, the last one first.
 *
 * @throws USAGE for a number or a revision that does not fit; MIGRATION_INVALID for contradictions, and for an irreversible one
 */
export function toRevert(all: readonly Revision[], { applied, halfWay, problems }: Comparison, to: string | number): readonly Revision[] {
  // Taking back what is applied needs its files unchanged; what is pending does not matter to it.
  refuse(problems.filter((problem) => problem.kind !== 'out_of_order' && problem.kind !== 'half_reverted'));
  if (halfWay?.direction === 'up') {
    throw new KeelsonError('MIGRATION_INVALID', {
      message: `${halfWay.revision.file} is applied half-way: ${halfWay.part} of ${halfWay.parts} parts.`,
      hint: 'Finish it with `up` first: correct the parts that are not run, and it goes on there.',
    });
  }
  const present = halfWay === undefined ? applied : [...applied, halfWay.revision];
  const wanted = present.slice(keptOf(present, all, to)).reverse();
  refuseIrreversible(wanted);
  return wanted;
}

/** How many of the revisions that are applied stay so. */
function keptOf(present: readonly Revision[], all: readonly Revision[], to: string | number): number {
  if (typeof to === 'number') {
    if (Number.isSafeInteger(to) && to >= 1 && to <= present.length) return present.length - to;
    throw new KeelsonError('USAGE', {
      message: `${to} revisions cannot be taken back: ${present.length} are applied.`,
      hint: 'Say a number from 1 on, or the word base to take back all.',
    });
  }
  const target = all[placeOf(all, to)];
  if (target === undefined) return 0;
  const place = present.findIndex((revision) => revision.id === target.id);
  if (place !== -1) return place + 1;
  throw new KeelsonError('USAGE', {
    message: `${nameOf(target)} is not applied, so there is no way down to it.`,
    hint: 'Say the id of a revision that is applied (see `history`).',
  });
}
