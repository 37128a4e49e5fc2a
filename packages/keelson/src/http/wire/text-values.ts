/** Values that arrive as text, in queries, paths and forms, as the JSON values that they stand for. */
import { KeelsonError } from '../../errors.ts';
import { constantsOf, type Shape } from './shape.ts';

/** What a query parser gives. */
export type Texts = Readonly<Record<string, string | readonly string[]>>;

const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/u;
const NUMBER = /^-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,20})?$/u;

/**
 * Turns texts into values where they are written exactly so; what is not stays text, and is told of by the check:
 * `2.7`, `1e3`, `0x10`, the empty text and numbers that would be rounded are no integers.
 *
 * @throws MALFORMED_REQUEST for a NUL character
 */
export function fromTexts(shape: Shape, texts: Texts, part: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(texts)) {
    for (const text of typeof given === 'string' ? [given] : given) refuseNul(text, part);
    const known = shapesOf(shape, name);
    // No plain assignment: a client may send a field named __proto__.
    Object.defineProperty(values, name, { value: convertAll(known, given), enumerable: true, configurable: true, writable: true });
  }
  return values;
}

function refuseNul(text: string, part: string): void {
  if (text.includes('\0')) throw new KeelsonError('MALFORMED_REQUEST', { message: `The ${part} holds a NUL character.` });
}

/** The shapes that a name has: several when the whole is one of several objects. */
function shapesOf(shape: Shape, name: string): readonly Shape[] {
  if (shape.kind === 'union') return shape.branches.flatMap((branch) => shapesOf(branch, name));
  if (shape.kind !== 'object') return [];
  return shape.properties.filter((property) => property.name === name).map((property) => property.shape);
}

function convertAll(shapes: readonly Shape[], given: string | readonly string[]): unknown {
  const list = shapes.find((shape) => shape.kind === 'array');
  if (list?.kind === 'array') return (typeof given === 'string' ? [given] : given).map((text) => convert([list.item], text));
  return typeof given === 'string' ? convert(shapes, given) : given;
}

function convert(shapes: readonly Shape[], text: string): unknown {
  const kinds = shapes.flatMap((shape) => (shape.kind === 'union' ? shape.branches : [shape]));
  if (kinds.some((shape) => shape.kind === 'text' || shape.kind === 'time' || shape.kind === 'unknown')) return text;
  for (const shape of kinds) {
    const value = convertTo(shape, text);
    if (value !== undefined) return value;
  }
  return text;
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

/** Fastify gives queries and parameters as objects of texts, and undefined where there are none. */
export function parseTexts(value: unknown): Texts {
  return typeof value === 'object' && value !== null ? (value as Texts) : {};
}
