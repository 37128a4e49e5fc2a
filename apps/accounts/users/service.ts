/** What is done with users: added, found, changed. */
import { isKeelsonError, KeelsonError } from 'keelson/errors';
import type { AuditLog, Passwords, Sessions } from 'keelson/auth';
import type { Database, PlainRow } from 'keelson/work';
import type { Repositories } from '../model.ts';
import { User } from './entity.ts';
import { emailKey } from './table.ts';

/** Who registers. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly fullName?: string | null | undefined;
}

/** What is granted apart from a registration, so that no body of a call can hold it. */
export interface Rights {
  readonly isSuperuser: boolean;
}

/** What may be changed about a user. */
export interface UserChanges {
  readonly email?: string | undefined;
  readonly fullName?: string | null | undefined;
}

/** What a superuser may change about a user. */
export interface UserAdministered extends UserChanges {
  readonly isActive?: boolean | undefined;
  readonly isSuperuser?: boolean | undefined;
}

/** A page of users. */
export interface UserPage {
  readonly items: readonly PlainRow<User>[];
  readonly page: number;
  readonly size: number;
  readonly total: number;
}

/** What users are kept with. */
export interface UserParts {
  readonly database: Database<Repositories>;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly audit: AuditLog;
}

/** Who administers: a superuser at an address, or nobody by name at the command line. */
export interface Actor {
  readonly id?: string | undefined;
  readonly address?: string | undefined;
}

/** How far pages reach: what lies beyond is found by a filter, not by turning pages. */
const ROWS_MAX = 10_000;
const EMAIL_CHARACTERS_MAX = 254;
const LOCAL = "[\\p{L}\\p{M}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}";
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?';
const EMAIL = new RegExp(`^${LOCAL}@(?:${LABEL}\\.)+${LABEL}$`, 'u');
/** What nobody sees, so that two addresses that look the same are the same. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{C}]/u;

export class UserService {
  readonly #database: Database<Repositories>;
  readonly #passwords: Passwords;
  readonly #sessions: Sessions;
  readonly #audit: AuditLog;

  constructor({ database, passwords, sessions, audit }: UserParts) {
    this.#database = database;
    this.#passwords = passwords;
    this.#sessions = sessions;
    this.#audit = audit;
  }

  /**
   * Registers a user.
   *
   * @throws VALIDATION_ERROR when the e-mail is none, or the password may not be used
   * @throws CONFLICT when the e-mail is taken
   */
  async register({ email, password, fullName }: Registration, { isSuperuser }: Rights = { isSuperuser: false }): Promise<User> {
    const normalised = requiredEmail(email);
    this.#passwords.check(password, { names: [normalised] });
    // Before the transaction: a hash takes longer than a connection may be held.
    const passwordHash = await this.#passwords.hash(password);
    const user = new User({ email: normalised, passwordHash, fullName, isSuperuser });
    return unlessTaken(() => this.#database.work(({ users }) => users.add(user), { name: 'users.register' }));
  }

  /** The user with an e-mail, or null; what is no e-mail is nobody's. */
  async findByEmail(email: string): Promise<User | null> {
    const normalised = normaliseEmail(email);
    if (normalised === null) return null;
    return this.#database.work(({ users }) => users.findByEmail(normalised), { name: 'users.findByEmail' });
  }

  /**
   * Changes a user.
   *
   * @throws VALIDATION_ERROR when the e-mail is none
   * @throws CONFLICT when it is taken
   */
  async update(id: string, { email, fullName }: UserChanges): Promise<User> {
    const changes = { email: email === undefined ? undefined : requiredEmail(email), fullName };
    return unlessTaken(() => this.#database.work(({ users }) => users.update(id, changes), { name: 'users.update' }));
  }

  /**
   * A page of users, the newest first.
   *
   * @throws VALIDATION_ERROR for a page beyond the 10,000th row
   */
  async list({ page, size }: { readonly page: number; readonly size: number }): Promise<UserPage> {
    if (page * size > ROWS_MAX) {
      const message = `page times size must be at most ${ROWS_MAX}`;
      throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'query.page', message }] });
    }
    return this.#database.read(async ({ users }) => {
      const rows = users.list({}, { orderBy: '-id', limit: size, offset: (page - 1) * size });
      const [items, total] = await Promise.all([rows, users.count()]);
      return { items, page, size, total };
    });
  }

  /**
   * The user with a key.
   *
   * @throws NOT_FOUND
   */
  async get(id: string): Promise<PlainRow<User>> {
    return this.#database.read(({ users }) => users.get(id));
  }

  /**
   * Changes a user as a superuser may; taking the right to sign in ends every session, in the same transaction.
   *
   * @throws FORBIDDEN for superusers who would shut themselves out
   * @throws NOT_FOUND, CONFLICT, VALIDATION_ERROR
   */
  async administer(actor: Actor, id: string, { email, fullName, isActive, isSuperuser }: UserAdministered): Promise<User> {
    if (actor.id === id && (isActive === false || isSuperuser === false)) throw shutsOutSelf();
    const normalised = email === undefined ? undefined : requiredEmail(email);
    const work = this.#database.work(
      async (unit) => {
        const user = await unit.users.get(id, { lock: true });
        const isLeaving = user.isActive && isActive === false;
        user.email = normalised ?? user.email;
        if (fullName !== undefined) user.fullName = fullName;
        user.isActive = isActive ?? user.isActive;
        user.isSuperuser = isSuperuser ?? user.isSuperuser;
        if (isLeaving) {
          await this.#sessions.endAll(unit.sql, { userId: id, reason: 'deactivated' });
          await this.#audit.write(unit.sql, { action: 'user_deactivated', userId: id, actorId: actor.id, address: actor.address });
        }
        return user;
      },
      { name: 'users.administer' },
    );
    return unlessTaken(() => work);
  }

  /**
   * Removes a user, with everything that hangs on it.
   *
   * @throws FORBIDDEN for superusers who would remove themselves
   * @throws NOT_FOUND
   */
  async remove(actorId: string, id: string): Promise<void> {
    if (actorId === id) throw shutsOutSelf();
    await this.#database.work(async ({ users }) => users.remove(await users.get(id, { lock: true })), { name: 'users.remove' });
  }
}

function shutsOutSelf(): KeelsonError {
  return new KeelsonError('FORBIDDEN', { message: 'Superusers cannot shut themselves out.', hint: 'Ask another superuser.' });
}

function requiredEmail(text: string): string {
  const email = normaliseEmail(text);
  if (email !== null) return email;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.email', message: 'must be an e-mail address' }] });
}

/** An e-mail in the one form in which it is kept: trimmed, in NFKC, in lower case; or null when it is none. */
export function normaliseEmail(text: string): string | null {
  const email = text.trim().normalize('NFKC').toLowerCase().normalize('NFKC');
  const isFitting = email.length <= EMAIL_CHARACTERS_MAX && EMAIL.test(email) && !INVISIBLE.test(email);
  return isFitting ? email : null;
}

async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isKeelsonError(error, 'CONFLICT') || error.data?.['constraint'] !== emailKey) throw error;
    throw new KeelsonError('CONFLICT', { message: 'The e-mail is taken.', hint: 'Log in, or use another e-mail.', cause: error });
  }
}
