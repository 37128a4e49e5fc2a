/** E-mails: the one form in which they are kept, and the index that lets none in twice. */
import { isKeelsonError, KeelsonError } from '../errors.ts';
import { sql } from '../schema/sql.ts';
import { type Constraint, type Handle, uniqueIndex } from '../schema/table.ts';

/** The name of the index that `emailIndex` makes; a refusal is known by it. */
export const emailKey = 'users_email_key';

const CHARACTERS_MAX = 254;
const LOCAL = "[\\p{L}\\p{M}\\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}";
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?';
const EMAIL = new RegExp(`^${LOCAL}@(?:${LABEL}\\.)+${LABEL}$`, 'u');
/** What nobody sees, so that two addresses that look the same are the same. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{C}]/u;

/**
 * The index that keeps an e-mail from being registered twice, in any case and any Unicode form, whoever writes it.
 *
 * @example
 * import { table, uuid, varchar } from 'keelson/schema';
 * import { emailIndex } from 'keelson/sign-in';
 * const users = table('users', { id: uuid().primaryKey(), email: varchar(254) }, (t) => [emailIndex(t)]);
 */
export function emailIndex(t: { readonly email: Handle }): Constraint {
  return uniqueIndex(sql`lower(normalize(${t.email}, nfkc))`, { name: emailKey });
}

/** An e-mail in the one form in which it is kept: trimmed, in NFKC, in lower case; or null when it is none. */
export function normaliseEmail(text: string): string | null {
  const email = text.trim().normalize('NFKC').toLowerCase().normalize('NFKC');
  const isFitting = email.length <= CHARACTERS_MAX && EMAIL.test(email) && !INVISIBLE.test(email);
  return isFitting ? email : null;
}

/**
 * An e-mail of a body in the form in which it is kept.
 *
 * @throws VALIDATION_ERROR when it is none
 */
export function requiredEmail(text: string): string {
  const email = normaliseEmail(text);
  if (email !== null) return email;
  throw new KeelsonError('VALIDATION_ERROR', { validationErrors: [{ field: 'body.email', message: 'must be an e-mail address' }] });
}

/**
 * Runs what writes an e-mail, and says in words that it is taken.
 *
 * @throws CONFLICT
 */
export async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isKeelsonError(error, 'CONFLICT') || error.data?.['constraint'] !== emailKey) throw error;
    throw new KeelsonError('CONFLICT', { message: 'The e-mail is taken.', hint: 'Log in, or use another e-mail.', cause: error });
  }
}
