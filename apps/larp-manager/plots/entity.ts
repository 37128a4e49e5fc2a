/** A plot. */
import { entity } from 'keelson/work';
import { plots } from './table.ts';

export class Plot extends entity(plots) {}
