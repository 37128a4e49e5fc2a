/** Users: who may sign in. */
import { boolean, createdAt, sql, table, text, uniqueIndex, updatedAt, uuid, varchar } from 'keelson/schema';

/** The index that keeps an e-mail from being registered twice; the service knows a refusal by this name. */
export const emailKey = 'users_email_key';

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
  (t) => [uniqueIndex(sql`lower(normalize(${t.email}, nfkc))`, { name: emailKey })],
);
