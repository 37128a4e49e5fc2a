/** Readers: what came over the wire, checked and given to the handler in the names of the code. */
import { Compile } from 'typebox/schema';
import type { FieldProblem } from '../../errors.ts';
import { explain } from './explain.ts';
import { Generator } from './generate.ts';
import { checkableShape } from './json-schema.ts';
import { isComposed, isPlain, type Property, type Shape } from './shape.ts';
import { textConverter, type Texts } from './text-values.ts';

/** Reads one part of a request. */
export interface Reader<T> {
  /** The value in the names of the code; undefined when it does not fit: then the problems are in the list. */
  read(value: unknown, problems: FieldProblem[]): T | undefined;
  /** The same for values that arrived as text. */
  readTexts(texts: Texts, problems: FieldProblem[]): T | undefined;
}

/** Compiles a reader, when it is first used; `part` begins the paths of fields: `body`, `query`, `params`. */
export function compileReader<T>(shape: Shape, part: string): Reader<T> {
  let compiled: Compiled<T> | undefined;
  const read = (value: unknown, problems: FieldProblem[]): T | undefined => {
    compiled ??= compile<T>(shape, part);
    if (compiled.fits(value)) return compiled.rename(value);
    problems.push(...explain(shape, value, part));
    return undefined;
  };
  const convert = textConverter(shape, part);
  return { read, readTexts: (texts, problems) => read(convert(texts), problems) };
}

interface Compiled<T> {
  readonly fits: (value: unknown) => boolean;
  readonly rename: (value: unknown) => T;
}

function compile<T>(shape: Shape, part: string): Compiled<T> {
  return { fits: checker(shape), rename: parseRename<T>(new ReadGenerator().compile(shape, part)) };
}

function checker(shape: Shape): (value: unknown) => boolean {
  const check = Compile(checkableShape(shape));
  return (value) => check.Check(value);
}

/** The shape was read from the schema that `T` is the type of, and the value was checked against it. */
function parseRename<T>(rename: Function): (value: unknown) => T {
  return rename as (value: unknown) => T;
}

class ReadGenerator extends Generator {
  protected value(shape: Shape, expression: string, place: string): string {
    if (shape.kind === 'bytes') return `Buffer.from(${expression}, 'base64')`;
    if (isPlain(shape) || !isComposed(shape)) return expression;
    return this.call(shape, expression, place);
  }

  protected object(shape: Shape & { readonly kind: 'object' }, place: string): string {
    const isAlways = ({ required, shape: inner }: Property): boolean => required || 'default' in inner.own;
    const always = shape.properties.filter(isAlways).map((property) => `${this.label(property.key)}: ${this.present(property, place)}`);
    const sometimes = shape.properties.filter((property) => !isAlways(property));
    return [
      `const o = { ${always.join(', ')} };`,
      ...sometimes.map(({ key, name, shape: inner }) => {
        const given = this.member('v', name);
        return `if (${given} !== undefined) ${this.member('o', key)} = ${this.value(inner, given, `${place}.${name}`)};`;
      }),
      ...(shape.open ? [this.others(shape)] : []),
      'return o;',
    ].join('\n');
  }

  protected union(shape: Shape & { readonly kind: 'union' }, place: string): string {
    const changed = shape.branches.filter((branch) => !isPlain(branch));
    const tests = changed.map((branch) => {
      const isOnly = changed.length === 1 && shape.branches.every((other) => other === branch || !isComposed(other));
      const test = isOnly && isComposed(branch) ? 'typeof v === "object" && v !== null' : `${this.hole(checker(branch))}(v)`;
      return `if (${test}) return ${this.value(branch, 'v', place)};`;
    });
    return [...tests, 'return v;'].join('\n');
  }

  protected begin(): string {
    return '';
  }

  private present({ name, shape }: Property, place: string): string {
    const given = this.member('v', name);
    const value = this.value(shape, given, `${place}.${name}`);
    if (!('default' in shape.own)) return value;
    const fallback = shape.own['default'];
    const copy = typeof fallback === 'object' && fallback !== null ? 'structuredClone' : '';
    return `${given} === undefined ? ${copy}(${this.hole(fallback)}) : ${value}`;
  }

  /** What is not declared keeps its name; `__proto__` is a name like any other, never a prototype. */
  private others(shape: Shape & { readonly kind: 'object' }): string {
    const known = this.hole(new Set(shape.properties.map(({ name }) => name)));
    return `for (const k of Object.keys(v)) if (!${known}.has(k)) Object.defineProperty(o, k, { value: v[k], enumerable: true, configurable: true, writable: true });`;
  }
}
