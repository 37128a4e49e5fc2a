/** A game. */
import { entity } from 'keelson/work';
import { games } from './table.ts';

export class Game extends entity(games) {}
