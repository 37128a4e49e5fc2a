/** A group of characters. */
import { entity } from 'keelson/work';
import { characterGroups } from './table.ts';

export class CharacterGroup extends entity(characterGroups) {}
