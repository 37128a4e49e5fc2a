/** Life cycles: the states of a row and the moves between them, declared once as data. */
import { KeelsonError } from '../errors.ts';
import type { Handle, Out } from './table.ts';

/** From each state to the states it may move to, the usual one first. */
export type Edges<S extends string> = Readonly<Record<S, readonly S[]>>;

/** The moves of one state column. */
export interface LifeCycle<K extends string, S extends string, To extends S = S, Back extends S = S> {
  readonly column: K;
  readonly edges: Edges<S>;
  /** Moves that no ordinary call may make: retries and recovery. */
  readonly redrive: Partial<Edges<S>>;
  /** For the type checker only: the states that a move leads to. */
  readonly to?: To;
  /** For the type checker only: the states that a redrive leads to. */
  readonly back?: Back;
}

type Targets<E> = [E] extends [never] ? never : E[keyof E] extends readonly (infer S)[] ? S : never;

/**
 * Declares the moves between the states of a column.
 *
 * @throws MISUSE when a state is named that the others do not know
 * @example
 * import { enumType, lifeCycle, table, uuid } from 'keelson/schema';
 * const lampState = enumType('lamp_state', ['off', 'on', 'broken']);
 * const lamps = table('lamps', { id: uuid().primaryKey(), state: lampState().default('off') });
 * const lampLifeCycle = lifeCycle(lamps.state, { off: ['on', 'broken'], on: ['off', 'broken'], broken: [] });
 */
export function lifeCycle<
  K extends string,
  C,
  const E extends Edges<Out<C> & string>,
  const B extends Partial<Edges<Out<C> & string>> = never,
>(
  column: Handle<K, C>,
  edges: E,
  options: { readonly redrive?: B } = {},
): LifeCycle<K, Out<C> & string, Targets<E> & Out<C> & string, Targets<B> & Out<C> & string> {
  for (const [from, targets] of Object.entries<readonly string[]>(edges)) {
    const unknown = targets.find((target) => !Object.hasOwn(edges, target));
    if (unknown !== undefined)
      throw new KeelsonError('MISUSE', {
        message: `The life cycle of ${column.key} moves from ${from} to ${unknown}, which is no state of it.`,
      });
  }
  return { column: column.key, edges, redrive: options.redrive ?? {} };
}

/** Any life cycle, with its states unread. */
export interface AnyLifeCycle {
  readonly column: string;
  readonly edges: Readonly<Record<string, readonly string[]>>;
  readonly redrive: Readonly<Record<string, readonly string[] | undefined>>;
}

/**
 * Checks one move.
 *
 * @throws INVALID_STATE_TRANSITION with the states from which the move is allowed
 */
export function checkMove(cycle: AnyLifeCycle, subject: string, from: string, to: string): void {
  if (cycle.edges[from]?.includes(to) === true) return;
  throw refusal(cycle.edges, subject, from, to);
}

/**
 * Checks one move that only retries and recovery make.
 *
 * @throws INVALID_STATE_TRANSITION with the states from which it is allowed
 */
export function checkRedrive(cycle: AnyLifeCycle, subject: string, from: string, to: string): void {
  if (cycle.redrive[from]?.includes(to) === true) return;
  throw refusal(cycle.redrive, subject, from, to);
}

function refusal(edges: Readonly<Record<string, readonly string[] | undefined>>, subject: string, from: string, to: string): KeelsonError {
  const sources = Object.keys(edges).filter((state) => edges[state]?.includes(to) === true);
  const allowed =
    sources.length === 0 ? `No ${subject.toLowerCase()} is ever moved there.` : `${subject} must be in ${oneOf(sources)} state.`;
  return new KeelsonError('INVALID_STATE_TRANSITION', {
    message: `Cannot mark ${to} from ${from}. ${allowed}`,
    data: { subject, from, to },
  });
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}
