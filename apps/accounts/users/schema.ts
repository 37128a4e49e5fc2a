/** Users on the wire; the hash of the password is in none of them. */
import { rowSchema } from 'keelson/schema';
import { Email, Password } from 'keelson/sign-in';
import * as Type from 'typebox';
import { users } from './table.ts';

const NAME_CHARACTERS_MAX = 255;
const PAGE_ROWS_MAX = 100;
const ROWS_MAX = 10_000;

const FullName = Type.Union([Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }), Type.Null()]);

/** A user as anybody who may see one sees it. */
export const UserPublic = rowSchema(users, ['id', 'email', 'fullName', 'isActive', 'isSuperuser', 'createdAt', 'updatedAt']);

/** What a new user says. */
export const UserCreate = Type.Object({ email: Email, password: Password, fullName: Type.Optional(FullName) });

/** The user whom a path names. */
export const UserId = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** A page of a list; how far it may reach is said by the service. */
export const Page = Type.Object({
  page: Type.Integer({ minimum: 1, maximum: ROWS_MAX, default: 1 }),
  size: Type.Integer({ minimum: 1, maximum: PAGE_ROWS_MAX, default: 20 }),
});

/** A page of users. */
export const UserPage = Type.Object({
  items: Type.Array(UserPublic, { maxItems: PAGE_ROWS_MAX }),
  page: Type.Integer(),
  size: Type.Integer(),
  total: Type.Integer(),
});

/** What a superuser may change about anybody. */
export const UserAdministered = Type.Object({
  email: Type.Optional(Email),
  fullName: Type.Optional(FullName),
  isActive: Type.Optional(Type.Boolean()),
  isSuperuser: Type.Optional(Type.Boolean()),
});

/** What users may change about themselves. */
export const UserUpdate = Type.Object({ email: Type.Optional(Email), fullName: Type.Optional(FullName) });
