/** Users on the wire; the hash of the password is in none of them. */
import { rowSchema } from 'keelson/schema';
import { Email, Password } from 'keelson/sign-in';
import * as Type from 'typebox';
import { users } from './table.ts';

const NAME_CHARACTERS_MAX = 255;
const PHONE_CHARACTERS_MAX = 32;
const GAMES_MAX = 10_000;

/** The columns of a user that answers show. */
export const shown = ['id', 'email', 'name', 'phone', 'isActive', 'isSuperuser', 'version', 'createdAt', 'updatedAt'] as const;

const Name = Type.Union([Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }), Type.Null()]);
const Phone = Type.Union([
  Type.String({ minLength: 3, maxLength: PHONE_CHARACTERS_MAX, pattern: '^[+]?[0-9][0-9 ()./-]*$', description: 'As it is dialled.' }),
  Type.Null(),
]);
const Games = Type.Array(Type.String({ format: 'uuid' }), { maxItems: GAMES_MAX });

/** What of a user has a form of its own. */
export const userFields = { email: Email, name: Name, phone: Phone };

/** A user as anybody who may see one sees it. */
export const UserPublic = rowSchema(users, shown);

/** Who is signed in, with the games that they run and those that they play in. */
export const Me = Type.Object({ ...UserPublic.properties, gmGames: Games, playerGames: Games });

/** What a new user says. */
export const UserCreate = Type.Object({ email: Email, password: Password, name: Type.Optional(Name), phone: Type.Optional(Phone) });

/** What a superuser says of a new user. */
export const UserAdded = Type.Object({ ...UserCreate.properties, isSuperuser: Type.Optional(Type.Boolean()) });

/** What users may change about themselves. */
export const UserUpdate = Type.Object({ email: Type.Optional(Email), name: Type.Optional(Name), phone: Type.Optional(Phone) });
