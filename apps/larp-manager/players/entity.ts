/** A player of a game. */
import { entity } from 'keelson/work';
import { players } from './table.ts';

export class Player extends entity(players) {}
