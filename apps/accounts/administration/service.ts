/** What an operator does with users from the command line. */
import type { AdministeredUser, AuditLog, Passwords, Sessions, UserAdministration } from 'keelson/auth';
import { KeelsonError } from 'keelson/errors';
import type { Database } from 'keelson/work';
import type { Repositories } from '../model.ts';
import type { User } from '../users/entity.ts';
import type { UserService } from '../users/service.ts';

/** What administration is built on. */
export interface AdministrationParts {
  readonly database: Database<Repositories>;
  readonly users: UserService;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly audit: AuditLog;
}

const LIST_DEFAULT = 100;

export class AdministrationService implements UserAdministration {
  readonly #parts: AdministrationParts;

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
  }

  async createSuperuser(email: string, password: string): Promise<AdministeredUser> {
    return seen(await this.#parts.users.register({ email, password }, { isSuperuser: true }));
  }

  async deactivate(email: string): Promise<AdministeredUser> {
    const { id } = await this.#found(email);
    return seen(await this.#parts.users.administer({}, id, { isActive: false }));
  }

  async setPassword(email: string, password: string): Promise<AdministeredUser> {
    const { database, passwords, sessions, audit } = this.#parts;
    const { id, email: name } = await this.#found(email);
    passwords.check(password, { field: 'password', names: [name] });
    const passwordHash = await passwords.hash(password, 'password');
    const user = await database.work(
      async (unit) => {
        const locked = await unit.users.get(id, { lock: true });
        locked.passwordHash = passwordHash;
        await sessions.endAll(unit.sql, { userId: id, reason: 'password_changed' });
        await audit.write(unit.sql, { action: 'password_changed', userId: id });
        return locked;
      },
      { name: 'administration.setPassword' },
    );
    return seen(user);
  }

  async list({ limit = LIST_DEFAULT, offset = 0 }: Parameters<UserAdministration['list']>[0] = {}): Promise<readonly AdministeredUser[]> {
    const rows = await this.#parts.database.read(({ users }) => users.list({}, { orderBy: 'id', limit, offset }));
    return rows.map(({ id, email, isActive, isSuperuser, createdAt }) => ({ id, email, isActive, isSuperuser, createdAt }));
  }

  async #found(email: string): Promise<User> {
    const user = await this.#parts.users.findByEmail(email);
    if (user === null) throw new KeelsonError('NOT_FOUND', { message: 'Nobody has this e-mail.', hint: 'See `keelson user list`.' });
    return user;
  }
}

function seen({ id, email, isActive, isSuperuser, createdAt }: User): AdministeredUser {
  return { id, email, isActive, isSuperuser, createdAt: createdAt.toISOString() };
}
