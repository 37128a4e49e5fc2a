/** What is done with users, and what is known of whoever is signed in. */
import { type PrincipalOf, type SignInParts, UserAccounts } from 'keelson/sign-in';
import { User } from './entity.ts';
import type { currentUser } from './repository.ts';

/** Who is signed in; times are RFC 3339 text. */
export type CurrentUser = PrincipalOf<typeof currentUser>;

/** What a registration says beside e-mail and password. */
export interface Given {
  readonly fullName?: string | null | undefined;
}

export class UserService extends UserAccounts<User, Given> {
  constructor(parts: SignInParts<User>) {
    super(parts, (values, { fullName }) => new User({ ...values, fullName }));
  }
}
