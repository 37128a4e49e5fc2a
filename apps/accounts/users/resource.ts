/** Users as a resource: listed, changed and removed by superusers. */
import { managesUsers, resource } from '../route.ts';
import { User } from './entity.ts';
import { shown, userFields } from './schema.ts';
import { users } from './table.ts';

export const userResource = resource('users', {
  table: users,
  entity: User,
  noun: 'user',
  guard: managesUsers,
  show: shown,
  create: [],
  change: ['email', 'fullName', 'isActive', 'isSuperuser'],
  fields: userFields,
  search: ['email', 'fullName'],
  isNewestFirst: true,
  // Users register, in users/routes.ts.
  without: ['create', 'bulk', 'replace'],
  onChange: (user, { unit, principal, services, request }) =>
    services.users.changing(unit, { id: principal.id, address: request.ip }, user),
  onRemove: (user, { principal, services }) => services.users.removing({ id: principal.id }, user),
});
