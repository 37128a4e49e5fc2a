/** What is done with users: added, found, changed. */
import { isKeelsonError, KeelsonError } from 'keelson/errors';
import type { Passwords } from 'keelson/auth';
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import { User } from './entity.ts';
import { emailKey } from './table.ts';

/** Who registers. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly fullName?: string | null | undefined;
}

/** What may be changed about a user. */
export interface UserChanges {
  readonly email?: string | undefined;
  readonly fullName?: string | null | undefined;
}

const EMAIL_CHARACTERS_MAX = 254;
const LOCAL = "[\\p{L}\\p{M}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}";
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?';
const EMAIL = new RegExp(`^${LOCAL}@(?:${LABEL}\\.)+${LABEL}$`, 'u');
/** What nobody sees, so that two addresses that look the same are the same. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{C}]/u;

export class UserService {
  readonly #database: Database<Repositories>;
  readonly #passwords: Passwords;

  constructor({ database, passwords }: { readonly database: Database<Repositories>; readonly passwords: Passwords }) {
    this.#database = database;
    this.#passwords = passwords;
  }

  /**
   * Registers a user.
   *
   * @throws VALIDATION_ERROR when the e-mail is none, or the password may not be used
   * @throws CONFLICT when the e-mail is taken
   */
  async register({ email, password, fullName }: Registration): Promise<User> {
    const normalised = requiredEmail(email);
    this.#passwords.check(password);
    // Before the transaction: a hash takes longer than a connection may be held.
    const passwordHash = await this.#passwords.hash(password);
    const user = new User({ email: normalised, passwordHash, fullName });
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
}

function requiredEmail(text: string): string {
  const email = normaliseEmail(text);
  if (email !== null) return email;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.email', message: 'must be an e-mail address' }] });
}

/** An e-mail in the one form in which it is kept: trimmed, in NFKC, in lower case; or null when it is none. */
function normaliseEmail(text: string): string | null {
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
