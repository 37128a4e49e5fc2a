/** A character. */
import { entity } from 'keelson/work';
import { characters } from './table.ts';

export class Character extends entity(characters) {}
