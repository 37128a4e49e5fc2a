/** Where characters are found. */
import { repository } from 'keelson/work';
import { Character } from './entity.ts';

export class CharacterRepository extends repository(Character) {}
