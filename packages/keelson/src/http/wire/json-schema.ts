/** Shapes as JSON Schema: as they are documented, and as they are checked. */
import { constantsOf, type JsonSchema, type Property, type Shape } from './shape.ts';

/** A moment, with as many digits of a fraction as anybody measures. */
export const TIME_LENGTH_MAX = 64;

/** Which way a value goes: what comes in is closed, what goes out may grow. */
export type Direction = 'in' | 'out';

/** The schema on the wire, for documents. */
export function describeShape(shape: Shape, direction: Direction): JsonSchema {
  const { own } = shape;
  switch (shape.kind) {
    case 'object': {
      const properties = shape.properties.map(({ name, shape: inner }) => [name, describeShape(inner, direction)]);
      const required = requiredNames(shape.properties, direction);
      return {
        ...own,
        properties: Object.fromEntries(properties),
        ...(required.length > 0 ? { required } : {}),
        ...(direction === 'in' && !shape.open ? { additionalProperties: false } : {}),
      };
    }
    case 'record': {
      const item = describeShape(shape.item, direction);
      return shape.pattern === undefined
        ? { ...own, additionalProperties: item }
        : { ...own, patternProperties: { [shape.pattern]: item } };
    }
    case 'array': {
      const { separator: _separator, ...rest } = own;
      return { ...rest, items: describeShape(shape.item, direction) };
    }
    case 'tuple':
      return { ...own, prefixItems: shape.items.map((item) => describeShape(item, direction)) };
    case 'union':
      return { ...own, anyOf: shape.branches.map((branch) => describeShape(branch, direction)) };
    default:
      return own;
  }
}

/** The schema that a value is checked against before it is read: exact where JSON Schema or its checkers are lax. */
export function checkableShape(shape: Shape): JsonSchema {
  const own = checkableOwn(shape);
  switch (shape.kind) {
    case 'object': {
      const properties = shape.properties.map(({ name, shape: inner }) => [name, checkableShape(inner)]);
      const required = requiredNames(shape.properties, 'in');
      return { ...own, properties: Object.fromEntries(properties), required, ...(shape.open ? {} : { additionalProperties: false }) };
    }
    case 'record': {
      const item = checkableShape(shape.item);
      return shape.pattern === undefined
        ? { ...own, additionalProperties: item }
        : { ...own, patternProperties: { [shape.pattern]: item }, additionalProperties: false };
    }
    case 'array':
      return { ...own, items: checkableShape(shape.item) };
    case 'tuple':
      return { ...own, minItems: shape.items.length, prefixItems: shape.items.map(checkableShape) };
    case 'union':
      return { ...own, anyOf: shape.branches.map(checkableShape) };
    default:
      return own;
  }
}

/** The keywords of the shape itself, as they are checked. */
export function checkableOwn(shape: Shape): JsonSchema {
  const { $id: _id, default: _default, examples: _examples, separator: _separator, minLength, maxLength, format, ...own } = shape.own;
  switch (shape.kind) {
    case 'text':
      return { ...own, ...(format === undefined || format === 'password' ? {} : { format }), ...lengthCheck(minLength, maxLength) };
    case 'time':
      return { ...own, format, ...lengthCheck(minLength, maxLength ?? TIME_LENGTH_MAX) };
    case 'bytes':
      return { ...own, '~refine': [{ check: isBase64, error: () => 'must be base64' }] };
    case 'integer':
      // Beyond these a number that JSON carried exactly is already another one here.
      return { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, ...own };
    case 'constant':
      return 'enum' in own ? { enum: constantsOf(shape) } : own;
    default:
      return own;
  }
}

function requiredNames(properties: readonly Property[], direction: Direction): readonly string[] {
  return properties.filter(({ required, shape }) => required && (direction === 'out' || !('default' in shape.own))).map(({ name }) => name);
}

/** Counts code points, as PostgreSQL's varchar does; the checker would count a family of seven as one character. */
function lengthCheck(lengthMin: unknown, lengthMax: unknown): JsonSchema {
  const checks = [];
  if (typeof lengthMin === 'number') {
    const error = (): string => (lengthMin === 1 ? 'must not be empty' : `must have at least ${lengthMin} characters`);
    checks.push({ check: (value: unknown) => typeof value !== 'string' || !isShorter(value, lengthMin), error });
  }
  if (typeof lengthMax === 'number') {
    const error = (): string => `must have at most ${lengthMax} characters`;
    checks.push({ check: (value: unknown) => typeof value !== 'string' || isShorter(value, lengthMax + 1), error });
  }
  return checks.length > 0 ? { '~refine': checks } : {};
}

function isShorter(text: string, length: number): boolean {
  if (text.length < length) return true;
  let count = 0;
  for (const _point of text) {
    count += 1;
    if (count >= length) return false;
  }
  return true;
}

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/u.test(value);
}
