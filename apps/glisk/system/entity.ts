/** One thing that the app remembers. */
import { entity } from 'keelson/work';
import { systemState } from './table.ts';

export class SystemState extends entity(systemState) {}
