/** Users as a resource: listed, changed and removed by superusers; read by GMs of their games, and by themselves. */
import { KeelsonError } from 'keelson/errors';
import { requiredEmail } from 'keelson/sign-in';
import { resource, signedIn, superuser } from '../route.ts';
import { User } from './entity.ts';
import { shown, userFields } from './schema.ts';
import { users } from './table.ts';

export const userResource = resource('users', {
  table: users,
  entity: User,
  noun: 'user',
  guard: superuser,
  guards: { read: signedIn },
  show: shown,
  create: [],
  change: ['email', 'name', 'phone', 'isActive', 'isSuperuser'],
  fields: userFields,
  search: ['email', 'name'],
  // With a password, in users/routes.ts.
  without: ['create', 'bulk'],
  onChange: async (user, { body, unit, principal, services }) => {
    user.email = requiredEmail(user.email);
    if (principal.id === user.id && !(user.isActive && user.isSuperuser)) throw shutsOutSelf();
    if (body.isActive === false) await services.users.shutOut(unit.sql, { id: principal.id }, user.id);
  },
  onRemove: (user, { principal }) => {
    if (principal.id === user.id) throw shutsOutSelf();
  },
});

function shutsOutSelf(): KeelsonError {
  return new KeelsonError('FORBIDDEN', { message: 'Superusers cannot shut themselves out.', hint: 'Ask another superuser.' });
}
