/** What an operator does with users from the command line: `keelson user …`. */
import type { AdministeredUser, UserAdministration } from '../auth/administration.ts';
import { KeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import type { SignInParts, SignInUser } from './parts.ts';
import type { Credentials, UserAccounts } from './user-accounts.ts';

const LIST_DEFAULT = 100;
const LIST_MAX = 1_000;

/** The administration of an app's users, to be its `services.administration`; `X` is what a superuser is given beside e-mail and password. */
export class Administration<U extends SignInUser, X> implements UserAdministration {
  readonly #parts: Pick<SignInParts<U>, 'database' | 'tables'>;
  readonly #users: UserAccounts<U, X>;
  readonly #superuser: (email: string) => X;

  constructor(parts: Pick<SignInParts<U>, 'database' | 'tables'>, users: UserAccounts<U, X>, superuser: (email: string) => X) {
    this.#parts = parts;
    this.#users = users;
    this.#superuser = superuser;
  }

  async createSuperuser(email: string, password: string): Promise<AdministeredUser> {
    return seen(await this.#users.register({ ...this.#superuser(email), email, password }, { isSuperuser: true }));
  }

  async deactivate(email: string): Promise<AdministeredUser> {
    const { id } = await this.#found(email);
    return seen(await this.#users.deactivate({}, id));
  }

  async setPassword(email: string, password: string): Promise<AdministeredUser> {
    return seen(await this.#users.setPassword(await this.#found(email), password));
  }

  async list({ limit = LIST_DEFAULT, offset = 0 }: Parameters<UserAdministration['list']>[0] = {}): Promise<readonly AdministeredUser[]> {
    const { database, tables } = this.#parts;
    const { users } = tables;
    return database.read((reader) =>
      reader.sql(sql<AdministeredUser>`
        select u.id, u.email, u.is_active as "isActive", u.is_superuser as "isSuperuser", u.created_at as "createdAt"
        from ${users} as u
        order by u.id
        limit ${Math.min(limit, LIST_MAX)} offset ${offset}
      `),
    );
  }

  async #found(email: string): Promise<Credentials> {
    const user = await this.#users.findByEmail(email);
    if (user === null) throw new KeelsonError('NOT_FOUND', { message: 'Nobody has this e-mail.', hint: 'See `keelson user list`.' });
    return user;
  }
}

function seen({ id, email, isActive, isSuperuser, createdAt }: SignInUser): AdministeredUser {
  return { id, email, isActive, isSuperuser, createdAt: createdAt.toISOString() };
}
