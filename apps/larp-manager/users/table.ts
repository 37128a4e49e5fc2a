/** Users: who may sign in. */
import { boolean, createdAt, index, policy, sql, table, text, updatedAt, uuid, varchar, version } from 'keelson/schema';
import { emailIndex } from 'keelson/sign-in';
import { isSignIn, onlySuperuserChangesMore, refuseColumnsFunction, superuserDoesAll, userId, usersOfGm } from '../rights.ts';

export const users = table(
  'users',
  {
    id: uuid().primaryKey(),
    email: varchar(254),
    passwordHash: text(),
    name: varchar(255).nullable(),
    phone: varchar(32).nullable(),
    isActive: boolean().default(true),
    isSuperuser: boolean().default(false),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  // E-mails are written normalised; the index says so too, for every other writer.
  (t) => [
    emailIndex(t),
    index(t.email, t.id),
    index(t.name, t.id),
    index(t.phone, t.id),
    index(t.createdAt, t.id),
    superuserDoesAll,
    policy('sign_in_reads', { for: 'select', using: isSignIn }),
    policy('sign_in_adds', { for: 'insert', check: isSignIn }),
    policy('sign_in_changes', { for: 'update', using: isSignIn }),
    policy('self_reads', { for: 'select', using: sql`${t.id} = ${userId}` }),
    policy('self_changes', { for: 'update', using: sql`${t.id} = ${userId}` }),
    policy('gm_reads', { for: 'select', using: sql`${t.id} in (${usersOfGm})` }),
    refuseColumnsFunction,
    onlySuperuserChangesMore('users', ['email', 'password_hash', 'name', 'phone']),
  ],
);
