/** Writers: what a handler gives as JSON text, exactly the declared properties in the names of the wire. */
import { KeelsonError } from '../../errors.ts';
import { Generator } from './generate.ts';
import { type Composed, constantsOf, isComposed, isNullable, type Property, type Shape } from './shape.ts';

/** Writes an answer. */
export type Writer = (value: unknown) => string;

/** Compiles a writer, when it is first used; `place` is the route, for the message of an answer that does not fit. */
export function compileWriter(shape: Shape, place: string): Writer {
  let write: Writer | undefined;
  return (value) => {
    write ??= parseWriter(new WriteGenerator().compile(shape, place));
    return write(value);
  };
}

/** What generated code calls by name. */
const helpers = { bad, time };

function parseWriter(pick: Function): Writer {
  const typed = pick as (value: unknown) => unknown;
  return (value) => JSON.stringify(typed(value));
}

class WriteGenerator extends Generator {
  private readonly helpers = this.hole(helpers);

  protected value(shape: Shape, expression: string, place: string): string {
    if (shape.kind === 'unknown') return `(${expression} === undefined ? null : ${expression})`;
    if (!isComposed(shape)) return this.scalar(shape, expression, place);
    if (shape.kind !== 'union') return this.call(shape, expression, place);
    const meant = shape.branches.filter((branch) => branch.kind !== 'null');
    const only = meant[0];
    // The common case of a nullable value needs no function of its own.
    if (meant.length === 1 && only !== undefined && isNullable(shape)) {
      return `(${expression} === null || ${expression} === undefined ? null : ${this.value(only, expression, place)})`;
    }
    return this.call(shape, expression, place);
  }

  protected object(shape: Shape & { readonly kind: 'object' }, place: string): string {
    const locals = shape.properties.map(({ key }, index) => `const p${index} = ${this.member('v', key)};`);
    const fields = shape.properties.map((property, index) => `${this.label(property.name)}: ${this.field(property, `p${index}`, place)}`);
    const literal = `{ ${fields.join(', ')} }`;
    const known = shape.open ? this.hole(new Set(shape.properties.map(({ key }) => key))) : '';
    return [
      this.begin(shape, place),
      ...locals,
      ...(shape.open
        ? [`const o = ${literal};`, `for (const k of Object.keys(v)) if (!${known}.has(k) && !(k in o)) o[k] = v[k];`, 'return o;']
        : [`return ${literal};`]),
    ].join('\n');
  }

  protected union(shape: Shape & { readonly kind: 'union' }, place: string): string {
    if (shape.branches.some((branch) => branch.kind === 'unknown')) return 'return v === undefined ? null : v;';
    const objects = shape.branches.filter(isObject);
    const others = shape.branches.filter((branch) => !isObject(branch) && branch.kind !== 'null');
    return [
      ...(isNullable(shape) ? ['if (v === null || v === undefined) return null;'] : []),
      ...others.map((branch) => `if (${isOfKind(branch)}) return ${this.value(branch, 'v', place)};`),
      'if (typeof v === "object" && v !== null) {',
      ...objects.map((branch) => `if (${objects.length === 1 ? 'true' : fits(branch)}) return ${this.value(branch, 'v', place)};`),
      '}',
      `return ${this.refuse('v', place, 'one of what is declared')};`,
    ].join('\n');
  }

  protected begin(shape: Composed, place: string): string {
    const isList = shape.kind === 'array' || shape.kind === 'tuple';
    const wrong = isList ? '!Array.isArray(v)' : 'typeof v !== "object" || v === null || Array.isArray(v)';
    return `if (${wrong}) ${this.refuse('v', place, isList ? 'a list' : 'an object')};`;
  }

  private field({ name, shape, required }: Property, local: string, place: string): string {
    const value = this.value(shape, local, `${place}.${name}`);
    if (required) return value;
    return isNullable(shape)
      ? `(${local} === undefined ? undefined : ${value})`
      : `(${local} === undefined || ${local} === null ? undefined : ${value})`;
  }

  private scalar(shape: Shape, expression: string, place: string): string {
    switch (shape.kind) {
      case 'text':
        return this.either(`typeof ${expression} === "string"`, expression, this.refuse(expression, place, 'a text'));
      case 'time':
        return this.either(
          `typeof ${expression} === "string"`,
          expression,
          `${this.helpers}.time(${expression}, ${JSON.stringify(place)})`,
        );
      case 'bytes':
        return this.either(
          `${expression} instanceof Uint8Array`,
          `Buffer.from(${expression}.buffer, ${expression}.byteOffset, ${expression}.byteLength).toString("base64")`,
          this.refuse(expression, place, 'bytes'),
        );
      case 'integer':
        return this.either(`Number.isInteger(${expression})`, expression, this.refuse(expression, place, 'a whole number'));
      case 'number':
        return this.either(`Number.isFinite(${expression})`, expression, this.refuse(expression, place, 'a number'));
      case 'boolean':
        return this.either(`typeof ${expression} === "boolean"`, expression, this.refuse(expression, place, 'true or false'));
      case 'null':
        return 'null';
      default: {
        const constants = this.hole(new Set(constantsOf(shape)));
        const refusal = this.refuse(expression, place, 'one of the declared values');
        return this.either(
          `${constants}.has(${expression})`,
          expression,
          isNullable(shape) ? `(${expression} === undefined ? null : ${refusal})` : refusal,
        );
      }
    }
  }

  private either(test: string, good: string, otherwise: string): string {
    return `(${test} ? ${good} : ${otherwise})`;
  }

  private refuse(expression: string, place: string, wanted: string): string {
    return `${this.helpers}.bad(${expression}, ${JSON.stringify(place)}, ${JSON.stringify(wanted)})`;
  }
}

function isObject(shape: Shape): shape is Shape & { readonly kind: 'object' | 'record' } {
  return shape.kind === 'object' || shape.kind === 'record';
}

function isOfKind(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return 'typeof v === "string"';
    case 'time':
      return 'typeof v === "string" || v instanceof Date';
    case 'bytes':
      return 'v instanceof Uint8Array';
    case 'integer':
    case 'number':
      return 'typeof v === "number"';
    case 'boolean':
      return 'typeof v === "boolean"';
    case 'constant':
      return constantsOf(shape)
        .map((constant) => `v === ${JSON.stringify(constant)}`)
        .join(' || ');
    case 'array':
    case 'tuple':
      return 'Array.isArray(v)';
    default:
      return 'true';
  }
}

/** One of several objects is known by its constants and by the properties that it must have. */
function fits(shape: Shape): string {
  if (shape.kind !== 'object') return 'true';
  const tests = shape.properties
    .filter(({ required }) => required)
    .map(({ key, shape: inner }) => {
      if (inner.kind !== 'constant') return isNullable(inner) ? `"${key}" in v` : `v["${key}"] !== undefined`;
      return `(${constantsOf(inner)
        .map((constant) => `v["${key}"] === ${JSON.stringify(constant)}`)
        .join(' || ')})`;
    });
  return tests.join(' && ') || 'true';
}

function time(value: unknown, place: string): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  return bad(value, place, 'a moment');
}

/** What does not fit its schema is a mistake of the program; it is told without the value, which may be a secret. */
function bad(value: unknown, place: string, wanted: string): never {
  const given = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  throw new KeelsonError('MISUSE', { message: `The answer of ${place} is ${given} where its schema says ${wanted}.` });
}
