/** What the commands of `user` do. */
import { type AdministeredUser, offersAdministration, type UserAdministration } from '../auth/administration.ts';
import { isKeelsonError, KeelsonError } from '../errors.ts';
import type { Context, WholeApp } from './context.ts';
import { renderJson, renderTable } from './output.ts';
import { type PasswordSource, passwordSource } from './password.ts';

/** What every command of the group takes. */
export interface Json {
  readonly json?: true;
}

/** What a command takes that needs a password. */
export interface PasswordOptions extends Json {
  readonly passwordStdin?: true;
}

/** What `list` takes. */
export interface ListOptions extends Json {
  readonly limit: number;
  readonly offset: number;
}

interface Named {
  readonly email: string;
}

/**
 * Adds a superuser.
 *
 * @throws USAGE when the app has no users, or no password can be asked for; VALIDATION_ERROR, CONFLICT, and what a start throws
 */
export async function createSuperuser(context: Context, whole: WholeApp, options: Named & PasswordOptions): Promise<void> {
  const password = passwordSource(context.input, options);
  const user = await withUsers(context, whole, async (users) => users.createSuperuser(options.email, await passwordOf(password, options)));
  tell(context, user, { ...options, says: `${user.email} was added, and may do everything.` });
}

/**
 * Takes a user's right to sign in.
 *
 * @throws USAGE, NOT_FOUND, and what a start throws
 */
export async function deactivate(context: Context, whole: WholeApp, options: Named & Json): Promise<void> {
  const user = await withUsers(context, whole, (users) => users.deactivate(options.email));
  tell(context, user, { ...options, says: `${user.email} cannot sign in any more; every session has ended.` });
}

/**
 * Sets a password.
 *
 * @throws USAGE, NOT_FOUND, VALIDATION_ERROR, and what a start throws
 */
export async function setPassword(context: Context, whole: WholeApp, options: Named & PasswordOptions): Promise<void> {
  const password = passwordSource(context.input, options);
  const user = await withUsers(context, whole, async (users) => users.setPassword(options.email, await passwordOf(password, options)));
  tell(context, user, { ...options, says: `The password of ${user.email} was set; every session has ended.` });
}

/**
 * Prints users.
 *
 * @throws USAGE, and what a start throws
 */
export async function list(context: Context, whole: WholeApp, { limit, offset, json }: ListOptions): Promise<void> {
  const { output } = context;
  const users = await withUsers(context, whole, (administration) => administration.list({ limit, offset }));
  if (json) output.data(renderJson(users.map(shown)));
  else if (users.length === 0)
    output.talk(offset === 0 ? 'There are no users. The first: user create-superuser <email>' : 'There are no more users.');
  else
    output.data(
      renderTable(
        users.map((user) => [user.email, user.isSuperuser ? 'superuser' : 'user', user.isActive ? 'active' : 'inactive', user.createdAt]),
      ),
    );
  if (users.length === limit) output.talk(`There may be more: --offset ${offset + limit}`);
}

async function withUsers<T>({ app }: Context, whole: WholeApp, block: (users: UserAdministration) => Promise<T>): Promise<T> {
  return whole.withServices(async (services) => {
    if (offersAdministration(services)) return worded(block(services.administration));
    throw new KeelsonError('USAGE', {
      message: `${app.name} has no users to administer.`,
      hint: 'An app that has offers them as services.administration: UserAdministration of keelson/auth.',
    });
  });
}

/** The words of a call of the API do not fit here. */
async function worded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isKeelsonError(error, 'VALIDATION_ERROR') || error.validationErrors === undefined) throw error;
    throw new KeelsonError('VALIDATION_ERROR', {
      message: `It was refused: ${error.validationErrors.map(({ field, message }) => `the ${field.replace(/^body\./, '')} ${message}`).join('; ')}.`,
      hint: 'Choose another and run it again.',
    });
  }
}

/** Asked for only when the app is there to take it. */
function passwordOf(source: PasswordSource, { email }: Named): Promise<string> {
  return source(`Password for ${email}: `);
}

function tell({ output }: Context, user: AdministeredUser, { json, says }: Json & { readonly says: string }): void {
  if (json) output.data(renderJson(shown(user)));
  else output.talk(says);
}

/** What may be seen of a user, whatever else an app hands over. */
function shown({ id, email, isActive, isSuperuser, createdAt }: AdministeredUser): AdministeredUser {
  return { id, email, isActive, isSuperuser, createdAt };
}
