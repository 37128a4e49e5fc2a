/** The resource factory: the seven routes of a table. */
import type { TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import type { Responses, Route, RouteDefinition } from '../http/route.ts';
import { routeFactory } from '../http/route-factory.ts';
import { edgeLimits, KEYS_MAX } from '../http/limits.ts';
import { type ListRequest, readListRequest } from '../work/list-request.ts';
import { type ListOperator, type ListRules, listRules } from '../work/list-rules.ts';
import type { Fields } from '../work/mapper.ts';
import type { Repositories } from '../work/model.ts';
import { etagOf, isKnown } from './etag.ts';
import { type Plan, planResource } from './plan.ts';
import type { Action, ResourceFactory } from './resource.ts';
import { BULK_ROWS_MAX, type ResourceSchemas, schemasOf } from './row-schemas.ts';
import { type ResourceCall, ResourceRows } from './rows.ts';
import { withoutHidden } from './within.ts';

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
  return (name, definition) => routesOf(planResource(name, definition));
}

/** A route whose input is unread. */
type LooseRoute<R extends Repositories, S, P> = RouteDefinition<
  R,
  S,
  P,
  TSchema | undefined,
  TSchema | undefined,
  TSchema | undefined,
  Responses
>;

/** What a row of a bulk takes of a body at the most. */
const BULK_BODY = { bytes: 20 * edgeLimits.bodyBytesMax, keys: 20 * KEYS_MAX } as const;

const written: readonly ErrorCode[] = ['FORBIDDEN', 'CONFLICT'];
const found: readonly ErrorCode[] = [...written, 'NOT_FOUND', 'STALE_VERSION'];

function routesOf<R extends Repositories, S, P>(plan: Plan<R, S, P>): readonly Route<R, S>[] {
  const route = routeFactory<R, S>();
  const all = listRules(plan.table, {
    columns: plan.show.map(({ key }) => key),
    ...(plan.search !== undefined && { search: plan.search }),
  });
  const rules = withoutHidden(all, plan);
  const parts: Parts<R, S, P> = { plan, schemas: schemasOf(plan, rules), rows: new ResourceRows(plan, rules) };
  const definitions: Readonly<Record<Action, LooseRoute<R, S, P>>> = {
    list: {
      ...facts(parts, 'list', { method: 'GET', summary: `Lists ${plan.nouns}` }),
      query: parts.schemas.query,
      responses: { 200: parts.schemas.page },
      handler: (call) => parts.rows.list(call, requestOf(parts, parseFields(call.query), rules)),
    },
    ...creating(parts),
    ...ofOne(parts),
  };
  return actions
    .filter((action) => plan.without?.includes(action) !== true)
    .map((action) => route({ ...definitions[action], ...plan.override?.[action] }));
}

const actions = ['list', 'create', 'bulk', 'read', 'replace', 'change', 'remove'] as const satisfies readonly Action[];

interface Parts<R extends Repositories, S, P> {
  readonly plan: Plan<R, S, P>;
  readonly schemas: ResourceSchemas;
  readonly rows: ResourceRows<R, S, P>;
}

const ranges: ReadonlySet<ListOperator> = new Set(['gt', 'gte', 'lt', 'lte']);

/** What a list is asked for; the newest rows first, where the resource says so and nothing that is asked for has an order of its own. */
function requestOf<R extends Repositories, S, P>({ plan }: Parts<R, S, P>, query: Fields, rules: ListRules): ListRequest {
  const request = readListRequest(query, rules);
  const isOrdered = [query['sortBy'], query['sortOrder'], request.cursor].some((each) => each !== undefined);
  if (plan.isNewestFirst !== true || isOrdered || request.filters.some(({ operator }) => ranges.has(operator))) return request;
  return { ...request, sort: { key: plan.key.key, isDescending: true } };
}

function creating<R extends Repositories, S, P>(parts: Parts<R, S, P>): Readonly<Record<'create' | 'bulk', LooseRoute<R, S, P>>> {
  const { plan, schemas, rows } = parts;
  return {
    create: {
      ...facts(parts, 'create', { method: 'POST', summary: `Makes ${article(plan.noun)}` }),
      gives: plan.version === undefined ? ['Location'] : ['ETag', 'Location'],
      body: schemas.create,
      responses: { 201: schemas.row },
      errors: written,
      handler: async (call) => {
        const [row = {}] = await rows.create(call, [parseFields(call.body)]);
        call.reply.header('location', `${call.request.routeOptions.url ?? ''}/${String(row[plan.key.key])}`);
        return tagged(parts, call, row);
      },
    },
    bulk: {
      ...facts(parts, 'bulk', { method: 'POST', summary: `Makes many ${plan.nouns}, all or none` }),
      // Plain: one number with a comma would load the words of languages, some 5 MB at every start.
      description: `Up to ${BULK_ROWS_MAX} at once.`,
      url: `/${plan.path}/bulk`,
      bodyMax: BULK_BODY,
      body: schemas.bulk,
      responses: { 201: schemas.rows },
      errors: written,
      handler: async (call) => ({ items: await rows.create(call, parseItems(call.body), true) }),
    },
  };
}

function ofOne<R extends Repositories, S, P>(
  parts: Parts<R, S, P>,
): Readonly<Record<'read' | 'replace' | 'change' | 'remove', LooseRoute<R, S, P>>> {
  const { plan, schemas, rows } = parts;
  const { version, noun } = plan;
  const keyOf = (call: ResourceCall<R, S, P>): unknown => parseFields(call.params)[plan.key.key];
  const place = { url: `/${plan.path}/:${plan.key.key}`, params: schemas.params };
  const conditional = {
    errors: version === undefined ? found : ([...found, 'PRECONDITION_FAILED'] as const),
    ...(version !== undefined && { takes: ['If-Match'] as const, gives: ['ETag'] as const }),
  };
  const change = { ...place, ...conditional, responses: { 200: schemas.row } };
  return {
    read: {
      ...facts(parts, 'read', { method: 'GET', summary: `Reads ${article(noun)}` }),
      ...place,
      ...(version !== undefined && { takes: ['If-None-Match'] as const, gives: ['ETag'] as const }),
      responses: { 200: schemas.row, ...(version !== undefined && { 304: null }) },
      errors: ['NOT_FOUND'],
      handler: async (call) => tagged(parts, call, await rows.read(call, keyOf(call))),
    },
    replace: {
      ...facts(parts, 'replace', { method: 'PUT', summary: `Replaces ${article(noun)}` }),
      ...change,
      description: 'What is not said is set back to its default, or to nothing.',
      body: schemas.replace,
      handler: async (call) => tagged(parts, call, await rows.change(call, keyOf(call), { body: parseFields(call.body), isWhole: true })),
    },
    change: {
      ...facts(parts, 'change', { method: 'PATCH', summary: `Changes ${article(noun)}` }),
      ...change,
      body: schemas.change,
      handler: async (call) => tagged(parts, call, await rows.change(call, keyOf(call), { body: parseFields(call.body), isWhole: false })),
    },
    remove: {
      ...facts(parts, 'remove', { method: 'DELETE', summary: `Removes ${article(noun)}` }),
      ...place,
      ...conditional,
      responses: { 204: null },
      handler: (call) => rows.remove(call, keyOf(call)),
    },
  };
}

function facts<R extends Repositories, S, P>(
  { plan }: Parts<R, S, P>,
  action: Action,
  { method, summary }: Pick<LooseRoute<R, S, P>, 'method' | 'summary'>,
): Pick<LooseRoute<R, S, P>, 'method' | 'summary' | 'url' | 'tags' | 'guard'> {
  const guard =
    plan.guards?.[action === 'replace' ? 'change' : action] ?? (action === 'bulk' ? plan.guards?.['create'] : undefined) ?? plan.guard;
  return { method, summary, url: `/${plan.path}`, tags: [plan.path], guard };
}

/** A row with the tag of its version; nothing but the tag where the caller has it already. */
function tagged<R extends Repositories, S, P>(
  { plan }: Parts<R, S, P>,
  { request, reply }: ResourceCall<R, S, P>,
  row: Fields,
): Fields | undefined {
  if (plan.version === undefined) return row;
  const etag = etagOf(row[plan.version.key]);
  reply.header('etag', etag);
  const known = request.headers['if-none-match'];
  if (request.method !== 'GET' && request.method !== 'HEAD') return row;
  if (known === undefined || !isKnown(known, etag)) return row;
  reply.code(304);
  return undefined;
}

function article(noun: string): string {
  return `${/^[aeiou]/iu.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** The schemas of the route have read it as an object. */
function parseFields(value: unknown): Fields {
  return value as Fields;
}

function parseItems(body: unknown): readonly Fields[] {
  return parseFields(body)['items'] as readonly Fields[];
}
