/** Users on the wire; the hash of the password is in none of them. */
import { rowSchema } from 'keelson/schema';
import * as Type from 'typebox';
import { users } from './table.ts';

const EMAIL_CHARACTERS_MAX = 254;
const NAME_CHARACTERS_MAX = 255;
// Far above what any scheme keeps: how much is too much is said by `Passwords`, in bytes.
const PASSWORD_CHARACTERS_MAX = 1_024;

/** An e-mail as it is typed; the service trims and normalises it. */
const Email = Type.String({ minLength: 3, maxLength: EMAIL_CHARACTERS_MAX, description: 'Compared without case.' });

/** A password as it is typed; nothing is trimmed or changed. */
const Password = Type.String({ minLength: 1, maxLength: PASSWORD_CHARACTERS_MAX, format: 'password' });

const FullName = Type.Union([Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }), Type.Null()]);

/** A user as anybody who may see one sees it. */
export const UserPublic = rowSchema(users, ['id', 'email', 'fullName', 'isActive', 'isSuperuser', 'createdAt', 'updatedAt']);

/** What a new user says. */
export const UserCreate = Type.Object({ email: Email, password: Password, fullName: Type.Optional(FullName) });

/** What users may change about themselves. */
export const UserUpdate = Type.Object({ email: Type.Optional(Email), fullName: Type.Optional(FullName) });
