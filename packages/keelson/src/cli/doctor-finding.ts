/** What `doctor` finds, and what it is looked for with. */
import type { Clock } from '../clock.ts';
import { KeelsonError } from '../errors.ts';
import type { Context } from './context.ts';

/** What was found in one place. */
export interface Finding {
  /** What was looked at, in a word. */
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly says: string;
  /** What to do; only where something is to be done. */
  readonly todo?: string | undefined;
}

/** Looks at one thing; what it throws becomes its finding. */
export interface Inspection {
  readonly name: string;
  readonly inspect: (context: Context, clock: Clock) => Promise<readonly Finding[]> | readonly Finding[];
}

/** A failure as a finding. */
export function failed(name: string, error: unknown): Finding {
  const says = error instanceof Error ? error.message : String(error);
  const todo = error instanceof KeelsonError ? error.hint : 'This is a fault of the app or of Keelson; DEBUG=1 shows more.';
  return { name, state: 'fail', says, todo };
}
