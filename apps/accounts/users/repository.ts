/** Where users are found, and who is behind an access token. */
import { principalQuery } from 'keelson/sign-in';
import { repository } from 'keelson/work';
import { sessions } from '../auth/table.ts';
import { User } from './entity.ts';
import { users } from './table.ts';

export class UserRepository extends repository(User) {}

/** The query for the user behind an access token; times are RFC 3339 text. */
export const currentUser = principalQuery({ users, sessions, columns: ['fullName', 'createdAt', 'updatedAt'] });
