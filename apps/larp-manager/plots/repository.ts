/** Where plots are found. */
import { repository } from 'keelson/work';
import { Plot } from './entity.ts';

export class PlotRepository extends repository(Plot) {}
