/** A user. */
import { entity } from 'keelson/work';
import { users } from './table.ts';

export class User extends entity(users) {}
