/** Users on the wire; the hash of the password is in none of them. */
import { rowSchema } from 'keelson/schema';
import { Email, Password } from 'keelson/sign-in';
import * as Type from 'typebox';
import { users } from './table.ts';

const NAME_CHARACTERS_MAX = 255;

const FullName = Type.Union([Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }), Type.Null()]);

/** The columns of a user that answers show. */
export const shown = ['id', 'email', 'fullName', 'isActive', 'isSuperuser', 'createdAt', 'updatedAt'] as const;

/** What of a user has a form of its own. */
export const userFields = { email: Email, fullName: FullName };

/** A user as anybody who may see one sees it. */
export const UserPublic = rowSchema(users, shown);

/** What a new user says. */
export const UserCreate = Type.Object({ email: Email, password: Password, fullName: Type.Optional(FullName) });

/** What users may change about themselves. */
export const UserUpdate = Type.Object({ email: Type.Optional(Email), fullName: Type.Optional(FullName) });
