/** What is done with users: added, found, changed. */
import { KeelsonError } from 'keelson/errors';
import { type PrincipalOf, type SignInParts, UserAccounts } from 'keelson/sign-in';
import type { Database, PlainRow } from 'keelson/work';
import type { Repositories } from '../model.ts';
import { User } from './entity.ts';
import type { currentUser } from './repository.ts';

/** Who is signed in; times are RFC 3339 text. */
export type CurrentUser = PrincipalOf<typeof currentUser>;

/** What a registration says beside e-mail and password. */
export interface Given {
  readonly fullName?: string | null | undefined;
}

/** A page of users. */
export interface UserPage {
  readonly items: readonly PlainRow<User>[];
  readonly page: number;
  readonly size: number;
  readonly total: number;
}

/** How far pages reach: what lies beyond is found by a filter, not by turning pages. */
const ROWS_MAX = 10_000;

export class UserService extends UserAccounts<User, Given> {
  readonly #database: Database<Repositories>;

  constructor(database: Database<Repositories>, parts: SignInParts<User>) {
    super(parts, (values, { fullName }) => new User({ ...values, fullName }));
    this.#database = database;
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
}
