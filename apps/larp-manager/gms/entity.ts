/** A GM of a game. */
import { entity } from 'keelson/work';
import { gms } from './table.ts';

export class Gm extends entity(gms) {}
