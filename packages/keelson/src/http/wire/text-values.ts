/** Values that arrive as text, in queries, paths and forms, as the JSON values that they stand for. */
import { KeelsonError } from '../../errors.ts';
import { constantsOf, type Shape } from './shape.ts';

/** What a query parser gives. */
export type Texts = Readonly<Record<string, string | readonly string[]>>;

/** Turns texts into values. */
export type TextConverter = (texts: Texts) => Record<string, unknown>;

const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/u;
const NUMBER = /^-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,20})?$/u;

type Convert = (text: string) => unknown;

/** How the texts of one name become its value. */
interface Field {
  readonly isList: boolean;
  /** What stands between the items of a list that is one text, as the keyword `separator` of its schema says. */
  readonly separator?: string | undefined;
  /** Undefined: what is written is the value. */
  readonly convert: Convert | undefined;
}

/**
 * Turns texts into values where they are written exactly so; what is not stays text, and is told of by the check:
 * `2.7`, `1e3`, `0x10`, the empty text and numbers that would be rounded are no integers. The converter throws
 * MALFORMED_REQUEST for a NUL character.
 */
export function textConverter(shape: Shape, part: string): TextConverter {
  const fields = new Map([...shapesByName(shape)].map(([name, shapes]) => [name, fieldOf(shapes)]));
  return (texts) => {
    const values: Record<string, unknown> = {};
    for (const name in texts) {
      const given = texts[name];
      if (given === undefined) continue;
      refuseNul(given, part);
      const field = fields.get(name);
      if (field !== undefined) values[name] = convertAll(field, given);
      // No plain assignment: a client may send a field named __proto__.
      else Object.defineProperty(values, name, { value: given, enumerable: true });
    }
    return values;
  };
}

/** Fastify gives queries and parameters as objects of texts, and undefined where there are none. */
export function parseTexts(value: unknown): Texts {
  return typeof value === 'object' && value !== null ? (value as Texts) : {};
}

function refuseNul(given: string | readonly string[], part: string): void {
  if (typeof given === 'string' ? given.includes('\0') : given.some((text) => text.includes('\0'))) {
    throw new KeelsonError('MALFORMED_REQUEST', { message: `The ${part} holds a NUL character.` });
  }
}

function convertAll({ isList, separator, convert }: Field, given: string | readonly string[]): unknown {
  if (isList) {
    const texts = typeof given !== 'string' ? given : separator === undefined ? [given] : given.split(separator);
    return convert === undefined ? [...texts] : texts.map(convert);
  }
  return typeof given === 'string' && convert !== undefined ? convert(given) : given;
}

/** The shapes that each name has: several when the whole is one of several objects. */
function shapesByName(shape: Shape, all = new Map<string, Shape[]>()): Map<string, Shape[]> {
  if (shape.kind === 'union') for (const branch of shape.branches) shapesByName(branch, all);
  else if (shape.kind === 'object') {
    for (const property of shape.properties) all.set(property.name, [...(all.get(property.name) ?? []), property.shape]);
  }
  return all;
}

function fieldOf(shapes: readonly Shape[]): Field {
  const list = shapes.find((shape) => shape.kind === 'array');
  if (list?.kind === 'array') {
    const { separator } = list.own;
    return { isList: true, separator: typeof separator === 'string' ? separator : undefined, convert: converterOf([list.item]) };
  }
  return { isList: false, convert: converterOf(shapes) };
}

function converterOf(shapes: readonly Shape[]): Convert | undefined {
  const kinds = shapes.flatMap((shape) => (shape.kind === 'union' ? shape.branches : [shape]));
  if (kinds.some((shape) => shape.kind === 'text' || shape.kind === 'time' || shape.kind === 'unknown')) return undefined;
  return (text) => {
    for (const shape of kinds) {
      const value = convertTo(shape, text);
      if (value !== undefined) return value;
    }
    return text;
  };
}

function convertTo(shape: Shape, text: string): unknown {
  switch (shape.kind) {
    case 'integer':
      return INTEGER.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    case 'number':
      return NUMBER.test(text) ? Number(text) : undefined;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'constant':
      return constantsOf(shape).find((constant) => constant !== null && String(constant) === text);
    default:
      return undefined;
  }
}
