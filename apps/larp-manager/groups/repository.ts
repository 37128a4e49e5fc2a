/** Where character groups are found. */
import { repository } from 'keelson/work';
import { CharacterGroup } from './entity.ts';

export class CharacterGroupRepository extends repository(CharacterGroup) {}
