/** Where games are found. */
import { repository } from 'keelson/work';
import { Game } from './entity.ts';

export class GameRepository extends repository(Game) {}
