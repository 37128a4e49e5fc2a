/** Users: who may sign in. */
import { boolean, createdAt, index, table, text, updatedAt, uuid, varchar } from 'keelson/schema';
import { emailIndex } from 'keelson/sign-in';

export const users = table(
  'users',
  {
    id: uuid().primaryKey(),
    email: varchar(254),
    passwordHash: text(),
    fullName: varchar(255).nullable(),
    isActive: boolean().default(true),
    isSuperuser: boolean().default(false),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  // The service writes e-mails normalised; the index says so too, for every other writer.
  (t) => [emailIndex(t), index(t.email, t.id), index(t.fullName, t.id), index(t.createdAt, t.id)],
);
