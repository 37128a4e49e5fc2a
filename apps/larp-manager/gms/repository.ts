/** Where GMs are found. */
import { repository } from 'keelson/work';
import { Gm } from './entity.ts';

export class GmRepository extends repository(Gm) {}
