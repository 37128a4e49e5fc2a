/** Where users are found, and who is behind an access token. */
import { sql } from 'keelson/schema';
import { principalQuery } from 'keelson/sign-in';
import { repository } from 'keelson/work';
import { sessions } from '../auth/table.ts';
import { gms } from '../gms/table.ts';
import { players } from '../players/table.ts';
import { User } from './entity.ts';
import { users } from './table.ts';

export class UserRepository extends repository(User) {}

/** The query for the user behind an access token, with the games that they run and play in: one statement for every call. */
export const currentUser = principalQuery({
  users,
  sessions,
  columns: ['name', 'phone', 'version', 'createdAt', 'updatedAt'],
  extra: {
    gmGames: sql<readonly string[]>`array(select g.game_id from ${gms} as g where g.user_id = u.id order by g.game_id)`,
    playerGames: sql<readonly string[]>`array(select p.game_id from ${players} as p where p.user_id = u.id order by p.game_id)`,
  },
});
