/** Schemas of a resource: its bodies, its answers and the query of its list, from the columns of its table. */
import * as Type from 'typebox';
import { columnSchema } from '../schema/json-schema.ts';
import { type ColumnInfo, snakeCase } from '../schema/table.ts';
import { CURSOR_LENGTH_MAX } from '../work/cursor.ts';
import { IN_MAX, SEARCH_LENGTH_MAX } from '../work/list-check.ts';
import { LIST_ROWS_MAX, LIST_SIZE_DEFAULT, LIST_SIZE_MAX } from '../work/list-request.ts';
import type { ListOperator, ListRules } from '../work/list-rules.ts';
import type { Repositories } from '../work/model.ts';
import { KeelsonError } from '../errors.ts';
import type { Plan } from './plan.ts';

/** How many rows one call may make. */
export const BULK_ROWS_MAX = 1_000;

/** The schemas of a resource. */
export interface ResourceSchemas {
  readonly params: Type.TObject;
  readonly query: Type.TObject;
  readonly row: Type.TObject;
  readonly page: Type.TObject;
  readonly create: Type.TObject;
  readonly bulk: Type.TObject;
  readonly rows: Type.TObject;
  readonly replace: Type.TObject;
  readonly change: Type.TObject;
}

type AnyPlan = Plan<Repositories, never, never>;

/** Makes the schemas. */
export function schemasOf(
  plan: Pick<AnyPlan, 'entity' | 'key' | 'show' | 'showWithin' | 'create' | 'change' | 'fields' | 'extra' | 'nouns' | 'isNewestFirst'>,
  rules: ListRules,
): ResourceSchemas {
  const name = plan.entity.name;
  const answers = named(plan, plan.show, ({ key }) => plan.showWithin.has(key));
  const row = Type.Object(answers, { $id: name });
  const create = Type.Object({ ...named(plan, plan.create, isOptional), ...plan.extra?.create }, { $id: `${name}Create` });
  const extra = plan.extra?.change;
  return {
    params: Type.Object({ [plan.key.key]: columnSchema(plan.key) }),
    query: querySchema(plan, rules),
    row,
    page: pageSchema(
      Type.Partial(Type.Object(answers), { $id: `${name}Listed`, description: 'Of the columns those that `fields` names, or all.' }),
    ),
    create,
    bulk: Type.Object({ items: Type.Array(create, { minItems: 1, maxItems: BULK_ROWS_MAX }) }),
    rows: Type.Object({ items: Type.Array(row, { maxItems: BULK_ROWS_MAX }) }),
    replace: Type.Object({ ...named(plan, plan.change, hasPlainFallback), ...extra }, { $id: `${name}Replace` }),
    change: Type.Object({ ...named(plan, plan.change, () => true), ...extra }, { $id: `${name}Change` }),
  };
}

/** Whether a new row need not say the column. */
function isOptional({ isNullable, defaultValue, defaultSql, role }: ColumnInfo): boolean {
  return isNullable || defaultValue !== undefined || defaultSql !== undefined || role !== undefined;
}

/** Whether there is a value for a column that is not said when a row is replaced. */
function hasPlainFallback({ isNullable, defaultValue }: ColumnInfo): boolean {
  return isNullable || defaultValue !== undefined;
}

function named(plan: Pick<AnyPlan, 'fields'>, columns: readonly ColumnInfo[], isLoose: (column: ColumnInfo) => boolean): Type.TProperties {
  return Object.fromEntries(
    columns.map((column) => {
      const schema = valueOf(plan, column);
      return [column.key, isLoose(column) ? Type.Optional(schema) : schema];
    }),
  );
}

function valueOf({ fields }: Pick<AnyPlan, 'fields'>, column: ColumnInfo): Type.TSchema {
  const given = fields?.[column.key];
  if (given === undefined) return columnSchema(column);
  return column.isNullable ? Type.Union([given, Type.Null()]) : given;
}

function pageSchema(item: Type.TSchema): Type.TObject {
  return Type.Object({
    items: Type.Array(item, { maxItems: LIST_SIZE_MAX }),
    total: Type.Optional(Type.Integer({ minimum: 0, description: 'How many there are in all; where `total=true` asked for it.' })),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_ROWS_MAX, description: 'Missing where a cursor was followed.' })),
    size: Type.Integer({ minimum: 1, maximum: LIST_SIZE_MAX }),
    nextCursor: Type.Optional(Type.String({ maxLength: CURSOR_LENGTH_MAX, description: 'For the next page; missing on the last one.' })),
  });
}

/** The parameters that every list has, and a filter for each operator of each column that an index serves. */
function querySchema({ nouns, isNewestFirst }: Pick<AnyPlan, 'nouns' | 'isNewestFirst'>, rules: ListRules): Type.TObject {
  const sortable = [...rules.sortable.keys()].map(snakeCase);
  const columns = rules.columns.map(snakeCase);
  const common = {
    page: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LIST_ROWS_MAX, description: `From 1; page times size is ${LIST_ROWS_MAX} at most.` }),
    ),
    size: Type.Integer({ minimum: 1, maximum: LIST_SIZE_MAX, default: LIST_SIZE_DEFAULT }),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: CURSOR_LENGTH_MAX,
        description: '`next_cursor` of the page before, with the same filters and order.',
      }),
    ),
    ...(sortable.length > 0 && {
      sortBy: Type.Optional(Type.Unsafe({ type: 'string', enum: sortable, description: sortWords(rules, isNewestFirst === true) })),
    }),
    sortOrder: Type.Optional(Type.Unsafe({ type: 'string', enum: ['asc', 'desc'] })),
    ...(rules.searchable.length === 0
      ? {}
      : {
          search: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: SEARCH_LENGTH_MAX,
              description: `Part of ${rules.searchable.map(snakeCase).join(' or ')}, in any case.`,
            }),
          ),
        }),
    fields: Type.Optional(
      commas({ type: 'string', enum: columns }, { maxItems: columns.length, description: 'The columns that are wanted.' }),
    ),
    total: Type.Optional(Type.Boolean({ description: `Whether to count all ${nouns} that match.` })),
  };
  const filters = [...rules.filterable].flatMap(([key, operators]) => operators.map((operator) => filterOf(rules, key, operator)));
  const taken = filters.find(([key]) => key in common);
  if (taken !== undefined) {
    throw new KeelsonError('MISUSE', {
      message: `${rules.table.name}.${taken[0]} cannot be filtered: lists have a parameter of this name.`,
      hint: 'Leave it out of `show`, or give the column another name.',
    });
  }
  // Open, since what cannot be filtered by is refused by the rules, with what can.
  return Type.Object({ ...common, ...Object.fromEntries(filters) }, { additionalProperties: true });
}

function filterOf(rules: ListRules, key: string, operator: ListOperator): readonly [string, Type.TSchema] {
  const column = rules.table.byKey.get(key);
  if (column === undefined) throw new KeelsonError('MISUSE', { message: `${rules.table.name} has no column ${key} to filter by.` });
  const value = columnSchema({ ...column, isNullable: false, isArray: false });
  switch (operator) {
    case 'equal':
      return [key, Type.Optional(value)];
    case 'in':
      return [`${key}[in]`, Type.Optional(commas(value, { minItems: 1, maxItems: IN_MAX }))];
    case 'null':
      return [`${key}[null]`, Type.Optional(Type.Boolean())];
    default:
      return [`${key}[${operator}]`, Type.Optional(value)];
  }
}

/** A list as one text with commas. */
function commas(items: object, options: object): Type.TSchema {
  return Type.Unsafe({ type: 'array', items, separator: ',', ...options });
}

function sortWords({ sortable }: ListRules, isNewestFirst: boolean): string {
  const usual = `By the key where it is not said${isNewestFirst ? ', the newest first' : ''}.`;
  const bound = [...sortable].filter(([, prefixes]) => prefixes.every((prefix) => prefix.length > 0));
  if (bound.length === 0) return usual;
  const words = bound.map(
    ([key, prefixes]) => `${snakeCase(key)} with ${prefixes.map((prefix) => prefix.map(snakeCase).join(' and ')).join(', or with ')}`,
  );
  return `${usual} Only beside filters for equality: ${words.join('; ')}.`;
}
