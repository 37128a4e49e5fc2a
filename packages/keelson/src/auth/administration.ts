/** What an operator does with users from the command line; an app declares it as `services.administration`. */

/** A user as an operator sees one. */
export interface AdministeredUser {
  readonly id: string;
  readonly email: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  /** RFC 3339, in UTC. */
  readonly createdAt: string;
}

/**
 * What `keelson user …` calls. Users are named by their e-mail, in any spelling that is the same.
 *
 * @example
 * import type { UserAdministration } from 'keelson/auth';
 * interface Services { readonly administration: UserAdministration }
 */
export interface UserAdministration {
  /**
   * Adds a user who may do everything.
   *
   * @throws VALIDATION_ERROR when the e-mail is none, or the password may not be used
   * @throws CONFLICT when the e-mail is taken
   */
  createSuperuser(email: string, password: string): Promise<AdministeredUser>;
  /**
   * Takes a user's right to sign in, and ends every session.
   *
   * @throws NOT_FOUND when nobody has the e-mail
   */
  deactivate(email: string): Promise<AdministeredUser>;
  /**
   * Sets a password without asking for the old one, and ends every session.
   *
   * @throws NOT_FOUND when nobody has the e-mail
   * @throws VALIDATION_ERROR when the password may not be used
   */
  setPassword(email: string, password: string): Promise<AdministeredUser>;
  /** Users from the oldest on: 100 unless told otherwise, at most 1,000 at once. */
  list(options?: { readonly limit?: number | undefined; readonly offset?: number | undefined }): Promise<readonly AdministeredUser[]>;
}

/** Whether an app's services offer the administration of users. */
export function offersAdministration(services: unknown): services is { readonly administration: UserAdministration } {
  if (typeof services !== 'object' || services === null || !('administration' in services)) return false;
  const { administration } = services;
  return typeof administration === 'object' && administration !== null && 'createSuperuser' in administration;
}
