/** The words that the JSON Schema of a game may use, and what each of them takes. */

/** What stands behind a keyword. */
export type KeywordKind =
  | 'text'
  | 'anything'
  | 'flag'
  | 'size'
  | 'number'
  | 'step'
  | 'names'
  | 'values'
  | 'types'
  | 'pattern'
  | 'format'
  | 'reference'
  | 'schemaHere'
  | 'schemasHere'
  | 'schemaBelow'
  | 'schemasBelow'
  | 'schemasByName'
  | 'definitions';

/** Every keyword that is understood; a schema with another one is refused, since it would not say what its author believes. */
export const keywords: ReadonlyMap<string, KeywordKind> = new Map<string, KeywordKind>([
  ['$schema', 'text'],
  ['$comment', 'text'],
  ['title', 'text'],
  ['description', 'text'],
  ['default', 'anything'],
  ['examples', 'values'],
  ['deprecated', 'flag'],
  ['readOnly', 'flag'],
  ['type', 'types'],
  ['enum', 'values'],
  ['const', 'anything'],
  ['properties', 'schemasByName'],
  ['required', 'names'],
  ['additionalProperties', 'schemaBelow'],
  ['propertyNames', 'schemaBelow'],
  ['minProperties', 'size'],
  ['maxProperties', 'size'],
  ['items', 'schemaBelow'],
  ['prefixItems', 'schemasBelow'],
  ['minItems', 'size'],
  ['maxItems', 'size'],
  ['uniqueItems', 'flag'],
  ['minLength', 'size'],
  ['maxLength', 'size'],
  ['pattern', 'pattern'],
  ['format', 'format'],
  ['minimum', 'number'],
  ['maximum', 'number'],
  ['exclusiveMinimum', 'number'],
  ['exclusiveMaximum', 'number'],
  ['multipleOf', 'step'],
  ['allOf', 'schemasHere'],
  ['anyOf', 'schemasHere'],
  ['oneOf', 'schemasHere'],
  ['not', 'schemaHere'],
  ['if', 'schemaHere'],
  ['then', 'schemaHere'],
  ['else', 'schemaHere'],
  ['$ref', 'reference'],
  ['$defs', 'definitions'],
]);

/** The types of JSON. */
const types: readonly string[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** The formats that are checked; one that is not would be a promise that nobody keeps. */
const formats: readonly string[] = ['date', 'time', 'date-time', 'email', 'uri', 'uuid'];

const COUNT_MAX = 1_000_000;

/** What is wrong with the value of a keyword that holds no schema, or undefined. */
export function faultOf(kind: KeywordKind, value: unknown): string | undefined {
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? undefined : 'must be text';
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'size':
      return isCount(value) ? undefined : `must be a whole number from 0 to ${COUNT_MAX}`;
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number';
    case 'step':
      return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0';
    case 'names':
      return isUniqueText(value) ? undefined : 'must be a list of different names';
    case 'values':
      return Array.isArray(value) && value.length > 0 ? undefined : 'must be a list that is not empty';
    case 'types':
      return isTypes(value) ? undefined : `must be one or several of ${types.join(', ')}`;
    case 'format':
      return typeof value === 'string' && formats.includes(value) ? undefined : `must be one of ${formats.join(', ')}`;
    case 'pattern':
    case 'reference':
      return typeof value === 'string' ? undefined : 'must be text';
    case 'schemasHere':
    case 'schemasBelow':
      return Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of schemas that is not empty';
    case 'schemasByName':
    case 'definitions':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'must be an object of schemas';
    case 'anything':
    case 'schemaHere':
    case 'schemaBelow':
      return undefined;
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX;
}

function isUniqueText(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') && new Set(value).size === value.length;
}

function isTypes(value: unknown): boolean {
  if (typeof value === 'string') return types.includes(value);
  return isUniqueText(value) && Array.isArray(value) && value.length > 0 && value.every((each) => types.includes(String(each)));
}
