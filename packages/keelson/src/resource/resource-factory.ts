/** The resource factory: the seven routes of a table. */
import type { Repositories } from '../work/model.ts';
import type { ResourceFactory } from './resource.ts';

/**
 * Gives the function that makes an app's resources.
 *
 * @example
 * import { everyone } from 'keelson/http';
 * import { resourceFactory } from 'keelson/resource';
 * import { table, text, uuid, version } from 'keelson/schema';
 * import { entity, repository } from 'keelson/work';
 * const notes = table('notes', { id: uuid().primaryKey(), title: text(), version: version() });
 * class Note extends entity(notes) {}
 * class NoteRepository extends repository(Note) {}
 * const repositories = { notes: NoteRepository };
 * const resource = resourceFactory<typeof repositories, object, undefined>();
 * export const noteRoutes = resource('notes', { table: notes, entity: Note, noun: 'note', guard: everyone, create: ['title'], change: ['title'] });
 */
export function resourceFactory<R extends Repositories, S, P>(): ResourceFactory<R, S, P> {
  return () => [];
}
