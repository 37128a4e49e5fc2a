/** What a nested unit of work changed in memory, so that it can go back when its savepoint does. */
import type { IdentityMap, Tracked } from './identity-map.ts';
import type { RowText } from './mapper.ts';

/** The memory of one savepoint. */
export class SavepointLog {
  /** How many hooks there were before. */
  readonly hookCount: number;
  /** What was tracked from here on is forgotten when the savepoint goes back. */
  readonly #serial: number;
  readonly #before = new Map<Tracked, { readonly map: IdentityMap; readonly row: RowText | undefined }>();

  constructor(hookCount: number, serial: number) {
    this.hookCount = hookCount;
    this.#serial = serial;
  }

  /** Keeps the row of an entity as it was before its first write since the savepoint. */
  remember(map: IdentityMap, tracked: Tracked): void {
    if (!this.#before.has(tracked)) this.#before.set(tracked, { map, row: tracked.row });
  }

  /** The savepoint was kept: what it remembers belongs to the one around it. */
  mergeInto(outer: SavepointLog): void {
    for (const [tracked, before] of this.#before) {
      if (!outer.#before.has(tracked)) outer.#before.set(tracked, before);
    }
  }

  /** Puts every entity back to where it was. */
  undo(maps: Iterable<IdentityMap>): void {
    for (const [tracked, { map, row }] of this.#before) {
      tracked.row = row;
      map.recall(tracked);
    }
    for (const map of maps) map.restoreSince(this.#serial);
  }
}
