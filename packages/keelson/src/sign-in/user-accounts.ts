/** Users as those who sign in: registered, found by e-mail, changed, shut out and removed. */
import type { RunSql } from '../auth/session.ts';
import { KeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { normaliseEmail, requiredEmail, unlessTaken } from './email.ts';
import type { SignInDatabase, SignInParts, SignInUser } from './parts.ts';

/** Who registers. */
export interface Registration {
  readonly email: string;
  readonly password: string;
}

/** What is granted apart from a registration, so that no body of a call can hold it. */
export interface Rights {
  readonly isSuperuser: boolean;
}

/** What a new user is made of. */
export interface NewUser extends Rights {
  readonly email: string;
  readonly passwordHash: string;
}

/** What may be changed about a user; a password has its own call. */
export type UserChanges<U extends SignInUser> = {
  readonly [K in Exclude<keyof U, 'id' | 'passwordHash' | 'createdAt' | 'updatedAt' | 'version'>]?: U[K] | undefined;
};

/** What users may change about themselves. */
export type OwnChanges<U extends SignInUser> = Omit<UserChanges<U>, 'isActive' | 'isSuperuser'>;

/** Who administers: a superuser at an address, or nobody by name at the command line. */
export interface Actor {
  readonly id?: string | undefined;
  readonly address?: string | undefined;
}

/** A unit of work in which a user is changed. */
interface ChangingUnit {
  readonly sql: RunSql;
  flush(): Promise<void>;
}

/** Of what is changed, that which is more than a value. */
interface CommonChanges {
  readonly email?: string | undefined;
  readonly isActive?: boolean | undefined;
  readonly isSuperuser?: boolean | undefined;
}

/** What a log-in is checked against. */
export interface Credentials {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
}

/** The users of an app; `X` is what a registration says beside e-mail and password. */
export class UserAccounts<U extends SignInUser, X = unknown> {
  readonly #parts: SignInParts<U>;
  readonly #make: (values: NewUser, given: X) => U;

  constructor(parts: SignInParts<U>, make: (values: NewUser, given: X) => U) {
    this.#parts = parts;
    this.#make = make;
  }

  /**
   * Registers a user.
   *
   * @throws VALIDATION_ERROR when the e-mail is none, or the password may not be used
   * @throws CONFLICT when the e-mail is taken
   */
  async register(registration: Registration & X, { isSuperuser }: Rights = { isSuperuser: false }): Promise<U> {
    const { passwords, database } = this.#parts;
    const email = requiredEmail(registration.email);
    passwords.check(registration.password, { names: [email] });
    // Before the transaction: a hash takes longer than a connection may be held.
    const passwordHash = await passwords.hash(registration.password);
    const user = this.#make({ email, passwordHash, isSuperuser }, registration);
    return unlessTaken(() => database.work(({ users }) => users.add(user), { name: 'users.register' }));
  }

  /** The user with an e-mail in any case and any Unicode form, or null; what is no e-mail is nobody's. */
  async findByEmail(email: string): Promise<Credentials | null> {
    const kept = normaliseEmail(email);
    if (kept === null) return null;
    const { database, tables } = this.#parts;
    const query = sql<Credentials>`
      select u.id, u.email, u.password_hash as "passwordHash"
      from ${tables.users} as u
      where lower(normalize(u.email, nfkc)) = lower(normalize(${kept}, nfkc))
    `;
    const [found] = await database.work((unit) => unit.sql(query), { name: 'users.findByEmail' });
    return found ?? null;
  }

  /**
   * Changes a user; where policies hold, `database` says who does it.
   *
   * @throws VALIDATION_ERROR when the e-mail is none
   * @throws CONFLICT when it is taken
   * @throws NOT_FOUND
   */
  async update(id: string, changes: OwnChanges<U>, database: SignInDatabase<U> = this.#parts.database): Promise<U> {
    const written = normalised(changes);
    return unlessTaken(() => database.work(({ users }) => users.update(id, written), { name: 'users.update' }));
  }

  /**
   * Changes a user as a superuser may; taking the right to sign in ends every session, in the same transaction.
   *
   * @throws FORBIDDEN for superusers who would shut themselves out
   * @throws NOT_FOUND, CONFLICT, VALIDATION_ERROR
   */
  async administer(actor: Actor, id: string, changes: UserChanges<U>, database?: SignInDatabase<U>): Promise<U> {
    return this.#administer(actor, id, changes, database);
  }

  /**
   * Takes a user's right to sign in, and ends every session.
   *
   * @throws NOT_FOUND
   */
  async deactivate(actor: Actor, id: string): Promise<U> {
    return this.#administer(actor, id, { isActive: false });
  }

  /** Ends every session of a user who may not sign in any more, and writes it down: for units of work that change the user themselves. */
  async shutOut(run: RunSql, actor: Actor, id: string): Promise<void> {
    const { sessions, audit } = this.#parts;
    await sessions.endAll(run, { userId: id, reason: 'deactivated' });
    await audit.write(run, { action: 'user_deactivated', userId: id, actorId: actor.id, address: actor.address });
  }

  /**
   * What a change by a superuser means beside its values, for a resource of users: the e-mail gets its one form, nobody shuts themselves out,
   * and whoever may not sign in any more has no session left. Writes the change; the row is locked, as resources with `onRemove` do it.
   *
   * @throws FORBIDDEN, CONFLICT, VALIDATION_ERROR
   */
  async changing(unit: ChangingUnit, actor: Actor, user: U): Promise<void> {
    const kept = sql<Pick<SignInUser, 'email' | 'isActive' | 'isSuperuser'>>`
      select u.email, u.is_active as "isActive", u.is_superuser as "isSuperuser" from ${this.#parts.tables.users} as u where u.id = ${user.id}
    `;
    const [before] = await unit.sql(kept);
    if (before === undefined) return;
    if (user.email !== before.email) user.email = requiredEmail(user.email);
    const isLeaving = before.isActive && !user.isActive;
    if (actor.id === user.id && (isLeaving || (before.isSuperuser && !user.isSuperuser))) throw shutsOutSelf();
    await unlessTaken(() => unit.flush());
    if (isLeaving) await this.shutOut(unit.sql, actor, user.id);
  }

  /**
   * Refuses that somebody removes themselves, for a resource of users.
   *
   * @throws FORBIDDEN
   */
  removing(actor: Actor, { id }: Pick<SignInUser, 'id'>): void {
    if (actor.id === id) throw shutsOutSelf();
  }

  /**
   * Sets a password without asking for the old one, and ends every session.
   *
   * @throws NOT_FOUND
   * @throws VALIDATION_ERROR when the password may not be used
   */
  async setPassword({ id, email }: Pick<SignInUser, 'id' | 'email'>, password: string): Promise<U> {
    const { database, passwords, sessions, audit } = this.#parts;
    passwords.check(password, { field: 'password', names: [email] });
    const passwordHash = await passwords.hash(password, 'password');
    return database.work(
      async (unit) => {
        const locked = await unit.users.get(id, { lock: true });
        locked.passwordHash = passwordHash;
        await sessions.endAll(unit.sql, { userId: id, reason: 'password_changed' });
        await audit.write(unit.sql, { action: 'password_changed', userId: id });
        return locked;
      },
      { name: 'administration.setPassword' },
    );
  }

  /**
   * Removes a user, with everything that hangs on it.
   *
   * @throws FORBIDDEN for superusers who would remove themselves
   * @throws NOT_FOUND
   */
  async remove(actorId: string, id: string, database: SignInDatabase<U> = this.#parts.database): Promise<void> {
    if (actorId === id) throw shutsOutSelf();
    await database.work(async ({ users }) => users.remove(await users.get(id, { lock: true })), { name: 'users.remove' });
  }

  async #administer(actor: Actor, id: string, changes: CommonChanges, database = this.#parts.database): Promise<U> {
    const { isActive, isSuperuser } = changes;
    if (actor.id === id && (isActive === false || isSuperuser === false)) throw shutsOutSelf();
    const written = normalised(changes);
    const work = database.work(
      async (unit) => {
        const user = await unit.users.get(id, { lock: true });
        const isLeaving = user.isActive && isActive === false;
        Object.assign(user, written);
        if (isLeaving) await this.shutOut(unit.sql, actor, id);
        return user;
      },
      { name: 'users.administer' },
    );
    return unlessTaken(() => work);
  }
}

function shutsOutSelf(): KeelsonError {
  return new KeelsonError('FORBIDDEN', { message: 'Superusers cannot shut themselves out.', hint: 'Ask another superuser.' });
}

/** What is to be written, the e-mail in the form in which it is kept. */
function normalised(changes: CommonChanges): Record<string, unknown> {
  const email = changes.email === undefined ? undefined : requiredEmail(changes.email);
  return Object.fromEntries(Object.entries({ ...changes, email }).filter(([, value]) => value !== undefined));
}
