/** What the planner has to ask, since renames and drops are said and never guessed. */

/** Something that would be lost unless it was renamed, and how to say either. */
export interface Question {
  readonly kind: 'table' | 'column' | 'enum value' | 'enum' | 'schema' | 'view' | 'sequence' | 'function';
  /** `users.nickname` */
  readonly object: string;
  readonly message: string;
  /** The option that says that it may go: `--drop users.nickname`. */
  readonly drop: string;
  /** The options that say what became of it, likeliest first: `--rename users.nickname:handle`. */
  readonly renames: readonly string[];
}
