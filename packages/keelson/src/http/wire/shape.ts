/** Shapes: a TypeBox schema read once into what the readers, writers and documents are made from. */
import type { TSchema } from 'typebox';
import { Has as hasFormat } from 'typebox/format';
import { KeelsonError } from '../../errors.ts';
import { snakeCase } from '../../schema/table.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A declared property: `fullName` in code, `full_name` on the wire. */
export interface Property {
  readonly key: string;
  readonly name: string;
  readonly shape: Shape;
  readonly required: boolean;
}

interface Own {
  /** The keywords of the schema itself, without those of what it contains. */
  readonly own: JsonSchema;
}

/** A schema, reduced to what matters on the wire. */
export type Shape =
  | (Own & { readonly kind: 'object'; readonly properties: readonly Property[]; readonly open: boolean })
  | (Own & { readonly kind: 'record'; readonly item: Shape; readonly pattern: string | undefined })
  | (Own & { readonly kind: 'array'; readonly item: Shape })
  | (Own & { readonly kind: 'tuple'; readonly items: readonly Shape[] })
  | (Own & { readonly kind: 'union'; readonly branches: readonly Shape[] })
  | (Own & { readonly kind: ScalarKind | 'unknown' });

/** What a constant may be. */
export type Constant = string | number | boolean | null;

/** What is made of parts. */
export type Composed = Extract<Shape, { readonly kind: 'object' | 'record' | 'array' | 'tuple' | 'union' }>;

/** What is not made of parts. */
export type ScalarKind = 'text' | 'time' | 'bytes' | 'number' | 'integer' | 'boolean' | 'null' | 'constant';

/** A plain name, or one with an operator, as filters in a query have it: `createdAt[gte]`. */
const PROPERTY = /^[A-Za-z][A-Za-z0-9_]{0,99}(?:\[[a-z]{1,10}\])?$/u;
const CONTAINED = new Set([
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'items',
  'additionalItems',
  'anyOf',
  'oneOf',
  'allOf',
]);
const REFUSED = [
  '$ref',
  '$defs',
  '$dynamicRef',
  '$recursiveRef',
  'if',
  'not',
  'prefixItems',
  'unevaluatedProperties',
  'unevaluatedItems',
  'dependentSchemas',
];

/**
 * Reads a schema.
 *
 * @throws MISUSE for what has no form on the wire; the message names the place
 */
export function readShape(schema: TSchema, place: string): Shape {
  const node = parseNode(schema, place);
  const refused = REFUSED.find((keyword) => keyword in node);
  if (refused !== undefined) throw misuse(place, `has "${refused}", which routes do not know`);
  const own = Object.fromEntries(Object.entries(node).filter(([keyword]) => !CONTAINED.has(keyword)));
  if (Array.isArray(node['allOf']))
    return merge(
      node['allOf'].map((part, index) => readShape(parseNode(part, place), `${place}[${index}]`)),
      own,
      place,
    );
  const branches = node['anyOf'] ?? node['oneOf'];
  if (Array.isArray(branches))
    return { kind: 'union', own, branches: branches.map((branch) => readShape(parseNode(branch, place), place)) };
  if (Array.isArray(node['type'])) {
    const { type, ...rest } = node;
    return { kind: 'union', own: {}, branches: parseList(type).map((one) => readShape({ ...rest, type: one }, place)) };
  }
  if (node['type'] === 'object') return readObject(node, own, place);
  if (node['type'] === 'array') return readArray(node, own, place);
  return { kind: readScalar(node, place), own };
}

/** Whether reading and writing leave a value as it is. */
export function isPlain(shape: Shape): boolean {
  switch (shape.kind) {
    case 'object':
      return false;
    case 'record':
    case 'array':
      return isPlain(shape.item);
    case 'tuple':
      return shape.items.every(isPlain);
    case 'union':
      return shape.branches.every(isPlain);
    case 'bytes':
      return false;
    default:
      return true;
  }
}

/** Whether a shape is made of parts. */
export function isComposed(shape: Shape): shape is Composed {
  return 'properties' in shape || 'item' in shape || 'items' in shape || 'branches' in shape;
}

/** Whether a shape may be null. */
export function isNullable(shape: Shape): boolean {
  if (shape.kind === 'union') return shape.branches.some(isNullable);
  if (shape.kind === 'constant') return constantsOf(shape).includes(null);
  return shape.kind === 'null' || shape.kind === 'unknown';
}

/** The values that a constant or an enumeration may have. */
export function constantsOf(shape: Shape): readonly Constant[] {
  return parseConstants('const' in shape.own ? [shape.own['const']] : shape.own['enum']);
}

function readObject(node: JsonSchema, own: JsonSchema, place: string): Shape {
  const rest = node['additionalProperties'];
  const patterns = Object.entries(parseNode(node['patternProperties'] ?? {}, place));
  const properties = Object.entries(parseNode(node['properties'] ?? {}, place));
  if (properties.length === 0 && (patterns.length === 1 || typeof rest === 'object')) {
    const [pattern, item] = patterns[0] ?? [undefined, rest];
    return {
      kind: 'record',
      own,
      item: readShape(parseNode(item, place), `${place}.*`),
      pattern: pattern === '^.*$' ? undefined : pattern,
    };
  }
  if (patterns.length > 0 || typeof rest === 'object') throw misuse(place, 'mixes declared properties with patterns');
  const required = new Set(parseList(node['required'] ?? []));
  const read = properties.map(([key, schema]): Property => {
    if (!PROPERTY.test(key) || key in Object.prototype)
      throw misuse(place, `has a property ${JSON.stringify(key)}, which is no plain name`);
    const name = snakeCase(key);
    return { key, name, shape: readShape(parseNode(schema, place), `${place}.${name}`), required: required.has(key) };
  });
  return refuseTwins({ kind: 'object', own, properties: read, open: rest === true }, place);
}

function readArray(node: JsonSchema, own: JsonSchema, place: string): Shape {
  const { items } = node;
  if (Array.isArray(items)) {
    const shapes = items.map((item, index) => readShape(parseNode(item, place), `${place}[${index}]`));
    return { kind: 'tuple', own: { ...own, maxItems: shapes.length }, items: shapes };
  }
  return { kind: 'array', own, item: readShape(parseNode(items ?? {}, place), `${place}[]`) };
}

function readScalar(node: JsonSchema, place: string): ScalarKind | 'unknown' {
  if ('const' in node || 'enum' in node) {
    const values = 'const' in node ? [node['const']] : parseList(node['enum']);
    if (values.some((value) => typeof value === 'object' && value !== null))
      throw misuse(place, 'has a constant that is not a plain value');
    return 'constant';
  }
  switch (node['type']) {
    case 'string':
      return readText(node, place);
    case 'number':
    case 'integer':
    case 'boolean':
    case 'null':
      return node['type'];
    case undefined:
      return 'unknown';
    default:
      throw misuse(place, `has the type ${JSON.stringify(node['type'])}, which JSON does not know`);
  }
}

function readText(node: JsonSchema, place: string): ScalarKind {
  if (node['contentEncoding'] === 'base64') return 'bytes';
  const { format } = node;
  if (format === 'date-time') return 'time';
  // The compiled check lets every unknown format pass, so a misspelt one would check nothing.
  if (typeof format === 'string' && format !== 'password' && !hasFormat(format)) throw misuse(place, `has the unknown format "${format}"`);
  return 'text';
}

function merge(parts: readonly Shape[], own: JsonSchema, place: string): Shape {
  const properties = parts.flatMap((part) => {
    if (part.kind !== 'object') throw misuse(place, 'joins something that is not an object');
    return part.properties;
  });
  const open = parts.some((part) => part.kind === 'object' && part.open);
  return refuseTwins({ kind: 'object', own: { type: 'object', ...own }, properties, open }, place);
}

function refuseTwins(shape: Shape & { readonly kind: 'object' }, place: string): Shape {
  const names = shape.properties.map(({ name }) => name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw misuse(place, `has two properties that are both "${twin}" on the wire`);
  return shape;
}

function misuse(place: string, what: string): KeelsonError {
  return new KeelsonError('MISUSE', { message: `The schema of ${place} ${what}.` });
}

function parseNode(value: unknown, place: string): JsonSchema {
  if (typeof value !== 'object' || value === null) throw misuse(place, 'is not a schema');
  return value as JsonSchema;
}

function parseList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** `readScalar` has let plain values through alone. */
function parseConstants(value: unknown): readonly Constant[] {
  return parseList(value) as readonly Constant[];
}
