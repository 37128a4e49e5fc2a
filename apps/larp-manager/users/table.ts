/** Users: who may sign in. */
import { boolean, createdAt, index, sql, table, text, uniqueIndex, updatedAt, uuid, varchar, version } from 'keelson/schema';

/** The index that keeps an e-mail from being registered twice. */
export const emailKey = 'users_email_key';

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
    uniqueIndex(sql`lower(normalize(${t.email}, nfkc))`, { name: emailKey }),
    index(t.email, t.id),
    index(t.name, t.id),
    index(t.phone, t.id),
    index(t.createdAt, t.id),
  ],
);
