/** A mint as the chain told of it. */
import { entity } from 'keelson/work';
import { mintEvents } from './table.ts';

export class MintEvent extends entity(mintEvents) {}
