/** The rule about slow work under a lock that an earlier statement of the same transaction took. */
import type { LockMode } from './observe.ts';
import { lockWords } from './scan-rules.ts';
import { type Hit, isQuery, isScanned, type Step, touchedTables } from './step.ts';

/** A lock that an earlier statement left. */
interface Held {
  readonly table: string;
  readonly mode: LockMode;
  readonly line: number;
}

/** The locks of one transaction, as its statements take them. */
export class HeldLocks {
  readonly #held = new Map<string, Held>();

  /** What is said of a statement that works on whole tables while locks of earlier ones are held; `hits` is what else is said of it. */
  hits(step: Step, hits: readonly Hit[]): readonly Hit[] {
    const [held] = this.#held.values();
    if (held === undefined || !(isSlow(step) || hits.some(({ rule }) => SLOW.has(rule)))) return [];
    const who = held.mode === 'AccessExclusiveLock' ? 'reads or writes' : 'writes';
    return [
      {
        rule: 'lock-held',
        message: `It works on a whole table while the lock that line ${held.line} took on ${held.table} (${lockWords(held.mode)}) is held: nobody ${who} ${held.table} until it is done.`,
        safeWay: '-- put a line of its own between the two, and with it a new transaction:\n-- commit',
      },
    ];
  }

  /** Remembers what the statement locked. */
  add({ existing, after, statement }: Step): void {
    for (const [id, mode] of after.locks) {
      const table = existing.tables.get(id);
      if (table === undefined || this.#held.has(id)) continue;
      this.#held.set(id, { table: after.tables.get(id)?.name ?? table.name, mode, line: statement.line });
    }
  }
}

const SLOW: ReadonlySet<string> = new Set(['table-rewrite', 'volatile-default', 'index-blocks-writes', 'backfill-at-once']);

function isSlow(step: Step): boolean {
  return !isQuery(step.statement) && touchedTables(step).some(isScanned);
}
