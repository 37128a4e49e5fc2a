/** Plans for a table of hats, and the files that they come to. */
import assert from 'node:assert/strict';
import { parseRevision, type Revision } from '../revision.ts';
import { plan, type Planned, type PlanRequest } from './plan.ts';
import type { Shadows } from './shadow.ts';

/** What the plans begin with. */
export const HATS = 'create table app.hats (id int primary key, colour text not null)';

type Planner = (base: string, target: readonly string[], more?: Partial<PlanRequest>) => Promise<Planned>;

/** A call that plans what leads from `base`, one revision, to `target`. */
export function plannerOn(shadows: Shadows): Planner {
  return (base, target, more = {}) => {
    const revisions: readonly Revision[] =
      base === '' ? [] : [parseRevision('20261101T0000_first.sql', `-- up\n${base};\n-- down\nselect 1;\n`)];
    return plan({ shadows, revisions, namespace: 'app', target, name: 'new hats', id: '20261120T2359', ...more });
  };
}

/** The files of what has to be a plan. */
export function filesOf(found: Planned): readonly { readonly name: string; readonly text: string }[] {
  if (found.kind === 'plan') return found.files;
  return assert.fail(JSON.stringify(found));
}
