/** Where players are found. */
import { repository } from 'keelson/work';
import { Player } from './entity.ts';

export class PlayerRepository extends repository(Player) {}
