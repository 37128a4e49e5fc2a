/** An author. */
import { entity } from 'keelson/work';
import { authors } from './table.ts';

export class Author extends entity(authors) {}
