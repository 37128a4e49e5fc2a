/** The identity map: within a unit of work the same row is the same object, and its row is the snapshot to compare with. */
import { KeelsonError } from '../errors.ts';
import type { EntityMeta } from './entity.ts';
import type { Fields, Mapper, RowText } from './mapper.ts';

/** One entity that a unit of work keeps an eye on. */
export interface Tracked {
  readonly entity: Fields;
  readonly key: string;
  /** The row as the database has it, as far as this unit knows; undefined while the entity is new. */
  row: RowText | undefined;
  /** Whether this unit holds a lock on the row, so that nobody else can have changed it. */
  isLocked: boolean;
  isRemoved: boolean;
  /** In which nested unit it came in. */
  readonly serial: number;
}

/** The entities of one class in one unit of work. */
export class IdentityMap {
  readonly meta: EntityMeta;
  readonly mapper: Mapper;
  /** Counts the nested units of the unit of work. */
  serial = 0;
  readonly #keyIndexes: readonly number[];
  /** The property of the key where it is one column. */
  readonly #keyName: string | undefined;
  readonly #byKey = new Map<string, Tracked>();

  constructor(meta: EntityMeta, mapper: Mapper) {
    this.meta = meta;
    this.mapper = mapper;
    const { primaryKey, columns } = meta.table;
    this.#keyIndexes = primaryKey.map((column) => columns.indexOf(column));
    this.#keyName = primaryKey.length === 1 ? primaryKey[0]?.key : undefined;
  }

  /** What is tracked, in the order in which it came. */
  values(): Iterable<Tracked> {
    return this.#byKey.values();
  }

  /** The entity of a row that was just read: the one that is known already, or a new one. */
  load(row: RowText, isLocked: boolean): Tracked {
    const key = this.keyOfRow(row);
    const known = this.#byKey.get(key);
    if (known !== undefined) return isLocked && !known.isLocked ? this.#refresh(known, row) : known;
    const tracked: Tracked = { entity: this.mapper.hydrate(row), key, row, isLocked, isRemoved: false, serial: this.serial };
    this.#byKey.set(key, tracked);
    return tracked;
  }

  /** Takes over a row that was read again, with what others wrote to it in this transaction. */
  reload(row: RowText): void {
    const known = this.#byKey.get(this.keyOfRow(row));
    if (known?.row === undefined || known.isRemoved) return;
    if (this.mapper.changed(known.entity, known.row) !== undefined)
      throw new KeelsonError('MISUSE', {
        message: `A ${this.meta.table.name} row was read again before what was changed of it was flushed.`,
      });
    known.row = row;
    this.mapper.restore(known.entity, row);
  }

  /** Tracks a new entity. */
  add(entity: Fields): void {
    const key = this.keyOf(entity);
    const known = this.#byKey.get(key);
    if (known !== undefined && known.entity === entity && !known.isRemoved) return;
    if (known !== undefined)
      throw new KeelsonError('MISUSE', {
        message: `Another ${this.meta.table.name} row with the key ${key} is in this unit of work already.`,
      });
    this.#byKey.set(key, { entity, key, row: undefined, isLocked: true, isRemoved: false, serial: this.serial });
  }

  /** Marks an entity for deletion; one that was never written is forgotten. */
  remove(entity: Fields): void {
    const tracked = this.#byKey.get(this.keyOf(entity));
    if (tracked?.entity !== entity)
      throw new KeelsonError('MISUSE', {
        message: `The ${this.meta.table.name} row to remove was not loaded in this unit of work.`,
        hint: 'Get it first, then remove it.',
      });
    if (tracked.row === undefined) this.#byKey.delete(tracked.key);
    else tracked.isRemoved = true;
  }

  find(key: string): Tracked | undefined {
    return this.#byKey.get(key);
  }

  forget(tracked: Tracked): void {
    this.#byKey.delete(tracked.key);
  }

  /** Takes back in what a rolled back savepoint had deleted. */
  recall(tracked: Tracked): void {
    this.#byKey.set(tracked.key, tracked);
  }

  /** Takes over what was written, and what the database made of it where it makes columns. */
  written(tracked: Tracked, row: RowText, made: RowText | undefined): void {
    tracked.row = made ?? row;
    tracked.isLocked = true;
    if (made !== undefined) this.mapper.restore(tracked.entity, made);
  }

  /** Forgets every entity. */
  clear(): void {
    this.#byKey.clear();
  }

  /** The transaction has ended, and its locks with it. */
  unlock(): void {
    for (const tracked of this.#byKey.values()) tracked.isLocked = false;
  }

  /** Puts entities back to their rows, and forgets those that came in with a nested unit or after it. */
  restoreSince(serial: number): void {
    for (const tracked of this.#byKey.values()) {
      if (tracked.row === undefined || tracked.serial >= serial) {
        this.#byKey.delete(tracked.key);
        continue;
      }
      this.mapper.restore(tracked.entity, tracked.row);
      tracked.isRemoved = false;
      // Locks taken since the savepoint are gone with it; the guards do without.
      tracked.isLocked = false;
    }
  }

  /** The key of an entity as text; a key of several columns is joined. */
  keyOf(entity: Fields): string {
    if (this.#keyName !== undefined) return String(entity[this.#keyName]);
    return joinKey(this.meta.table.primaryKey.map((column) => entity[column.key]));
  }

  /** The key of a row as text. */
  keyOfRow(row: RowText): string {
    const [first = 0] = this.#keyIndexes;
    return this.#keyName !== undefined ? (row[first] ?? '') : joinKey(this.#keyIndexes.map((index) => row[index]));
  }

  // The row was known from an unlocked read, and is read again with a lock: what others changed since then counts.
  #refresh(known: Tracked, row: RowText): Tracked {
    const before = known.row;
    if (before === undefined || known.isRemoved) return known;
    if (before.some((cell, index) => cell !== row[index])) {
      if (this.mapper.changed(known.entity, before) !== undefined) throw staleRow(this.meta);
      this.mapper.restore(known.entity, row);
    }
    known.row = row;
    known.isLocked = true;
    return known;
  }
}

/** One text for the values of a key of several columns. */
function joinKey(values: readonly unknown[]): string {
  return JSON.stringify(values.map(String));
}

/** The error for a row that somebody else changed in the meantime. */
export function staleRow(meta: EntityMeta, cause?: unknown): KeelsonError {
  return new KeelsonError('STALE_VERSION', { data: { table: meta.table.name }, cause });
}
