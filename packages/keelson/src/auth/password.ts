/** Passwords: which may be set, how they are kept, and how they are checked without telling who exists. */
import { availableParallelism } from 'node:os';
import { type Clock, systemClock } from '../clock.ts';
import { type FieldProblem, KeelsonError } from '../errors.ts';
import { isCommonPassword, isNamedAfter } from './guess.ts';
import { Gate } from './gate.ts';
import { argon2Scheme, bcryptScheme, type PasswordCosts, type PasswordScheme, type PasswordSchemeName } from './password-scheme.ts';

/** How passwords are kept. */
export interface PasswordOptions extends PasswordCosts {
  /** The scheme of new hashes; hashes of every scheme can be checked. */
  readonly scheme?: PasswordSchemeName | undefined;
  /** In characters. */
  readonly lengthMin?: number | undefined;
  /** How many hashes are made at once: each takes a whole core and one of libuv's four threads. */
  readonly concurrencyMax?: number | undefined;
  readonly queueMax?: number | undefined;
  readonly waitMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** What is known of a password that is about to be set. */
export interface PasswordContext {
  /** For the answer: `body.password` unless told otherwise. */
  readonly field?: string | undefined;
  /** What the user is called: the e-mail address, a user name. A password that is little more than that is refused. */
  readonly names?: readonly string[] | undefined;
}

/** What checking a password found. */
export interface PasswordVerdict {
  readonly matches: boolean;
  /** The password is right, and should be kept anew: its hash is of another scheme or cost than new ones. */
  readonly isRehashDue: boolean;
}

const LENGTH_MIN = 8;
const CONCURRENCY_MAX = 2;
const QUEUE_MAX = 64;
const WAIT_MS = 2_000;

/** Checks a password as `Passwords.verify` does. */
export type VerifyPassword = (password: string, stored: string | null) => Promise<PasswordVerdict>;

/**
 * Keeps and checks passwords.
 *
 * @see OWASP ASVS 5.0, 6.2 and appendix C
 * @example
 * import { Passwords } from 'keelson/auth';
 * const passwords = new Passwords({ scheme: 'argon2id' });
 * const stored = await passwords.hash('correct horse battery staple');
 * const { matches } = await passwords.verify('correct horse battery staple', stored);
 */
export class Passwords {
  readonly #lengthMin: number;
  readonly #schemes: readonly PasswordScheme[];
  readonly #configured: PasswordScheme;
  readonly #gate: Gate;

  constructor(options: PasswordOptions = {}) {
    const bcrypt = bcryptScheme(options);
    const argon2 = argon2Scheme(options);
    this.#schemes = [bcrypt, argon2];
    this.#configured = options.scheme === 'argon2id' ? argon2 : bcrypt;
    this.#lengthMin = options.lengthMin ?? LENGTH_MIN;
    this.#gate = new Gate({
      concurrencyMax: options.concurrencyMax ?? Math.min(CONCURRENCY_MAX, availableParallelism()),
      queueMax: options.queueMax ?? QUEUE_MAX,
      waitMs: options.waitMs ?? WAIT_MS,
      taskMs: this.#configured.hashMs,
      clock: options.clock ?? systemClock,
    });
  }

  /**
   * Refuses what may not become a password; costs nothing, so it comes before anything that does.
   *
   * @throws VALIDATION_ERROR naming every rule that is broken, never the password
   */
  check(password: string, { field = 'body.password', names = [] }: PasswordContext = {}): void {
    const problems = unkeepable(password, this.#configured);
    const length = Array.from(password).length;
    if (length < this.#lengthMin) problems.push(`must have at least ${this.#lengthMin} characters`);
    // Whoever is told that it is too short need not be told that it is known, too.
    if (problems.length === 0 && isCommonPassword(password)) problems.push('is one of those that everybody tries first');
    if (isNamedAfter(password, names, this.#lengthMin)) problems.push('is too much like the e-mail address');
    refuse(problems, field);
  }

  /**
   * Runs a block in a turn of its own, with a `verify` that needs no other: whoever gets no turn is refused before the block asks the
   * database anything.
   *
   * @throws SERVICE_UNAVAILABLE when too many hashes are asked for
   */
  inTurn<T>(block: (verify: VerifyPassword) => Promise<T>): Promise<T> {
    return this.#gate.run(() => block((password, stored) => this.#verify(password, stored)));
  }

  /**
   * A hash of the configured scheme. The shortest length is `check`'s business: an old password may be kept anew though today's rule is stricter.
   *
   * @throws VALIDATION_ERROR for what the scheme cannot keep whole
   * @throws SERVICE_UNAVAILABLE when too many hashes are asked for
   */
  async hash(password: string, field = 'body.password'): Promise<string> {
    refuse(unkeepable(password, this.#configured), field);
    return this.#gate.run(() => this.#configured.hash(password));
  }

  /**
   * Checks a password against a stored hash, or, for a user who does not exist, against one that costs the same and never matches.
   *
   * @throws SERVICE_UNAVAILABLE when too many hashes are asked for
   */
  verify(password: string, stored: string | null): Promise<PasswordVerdict> {
    return this.inTurn((verify) => verify(password, stored));
  }

  async #verify(password: string, stored: string | null): Promise<PasswordVerdict> {
    const scheme = stored === null ? undefined : this.#schemes.find((known) => known.reads(stored));
    // Half a surrogate pair would match any other, since both become U+FFFD on their way to the bytes.
    if (stored === null || scheme === undefined || !password.isWellFormed() || password.includes('\0')) {
      await this.#configured.verify(password.toWellFormed(), this.#configured.dummy);
      return { matches: false, isRehashDue: false };
    }
    const matches = await scheme.verify(password, stored);
    return { matches, isRehashDue: matches && this.#isRehashDue(password, stored, scheme) };
  }

  #isRehashDue(password: string, stored: string, scheme: PasswordScheme): boolean {
    if (unkeepable(password, this.#configured).length > 0) return false;
    return scheme !== this.#configured || !scheme.isCurrent(stored);
  }
}

/** Why a scheme cannot keep a password whole; nothing is ever cut off. */
function unkeepable(password: string, scheme: PasswordScheme): string[] {
  const problems: string[] = [];
  if (Buffer.byteLength(password) > scheme.bytesMax) problems.push(`must have at most ${scheme.bytesMax} bytes in UTF-8`);
  if (password.includes('\0')) problems.push('must not contain a NUL character');
  if (!password.isWellFormed()) problems.push('must not contain half a surrogate pair');
  return problems;
}

function refuse(problems: readonly string[], field: string): void {
  if (problems.length === 0) return;
  const validationErrors: readonly FieldProblem[] = problems.map((message) => ({ field, message }));
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors });
}
