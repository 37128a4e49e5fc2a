/** Users as a resource: listed, changed and removed by superusers; read by GMs of their games, and by themselves. */
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
  // Made with a password, in users/routes.ts; a PUT that does not say is_active would let in again who was shut out.
  without: ['create', 'bulk', 'replace'],
  onChange: (user, { unit, principal, services, request }) =>
    services.users.changing(unit, { id: principal.id, address: request.ip }, user),
  onRemove: (user, { principal, services }) => services.users.removing({ id: principal.id }, user),
});
