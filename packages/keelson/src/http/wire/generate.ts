/** Code made from shapes: one small function for each object, so that a property costs a few nanoseconds. */
import type { Composed, Shape } from './shape.ts';

/** Makes the functions that walk a shape; what differs between reading and writing is in the subclasses. */
export abstract class Generator {
  private readonly functions: string[] = [];
  private readonly holes: unknown[] = [];

  /**
   * Compiles the function that turns a value of the shape.
   *
   * Danger: makes code from text. What stands in it are property names, which `readShape` lets through only as plain
   * identifiers or in quotes, text in quotes by JSON, and positions; every other value is handed in by its position.
   */
  compile(shape: Shape, place: string): Function {
    const expression = this.value(shape, 'v', place);
    const code = `${this.functions.join('\n')}\nreturn (v) => ${expression};`;
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- measured: as fast as a literal written by hand; closures cost 3 times as much
    const make = new Function('h', code);
    return parseFunction(Reflect.apply(make, undefined, [this.holes]));
  }

  /** An expression that turns a value of the shape; the given one may be evaluated more than once. */
  protected abstract value(shape: Shape, expression: string, place: string): string;
  /** The body of the function that turns the object `v`. */
  protected abstract object(shape: Shape & { readonly kind: 'object' }, place: string): string;
  /** The body of the function that turns `v`, one of several. */
  protected abstract union(shape: Shape & { readonly kind: 'union' }, place: string): string;
  /** A line that begins every function over a list or a record. */
  protected abstract begin(shape: Composed, place: string): string;

  /** An expression that turns what is made of parts, by a function of its own. */
  protected call(shape: Composed, expression: string, place: string): string {
    const position = this.functions.push('') - 1;
    this.functions[position] = `function f${position}(v) {\n${this.body(shape, place)}\n}`;
    return `f${position}(${expression})`;
  }

  /** The expression under which generated code finds a value. */
  protected hole(value: unknown): string {
    return `h[${this.holes.push(value) - 1}]`;
  }

  /** A property of an object in generated code: `v.name`, or `v["name[gte]"]`. */
  protected member(object: string, name: string): string {
    return isPlainName(name) ? `${object}.${name}` : `${object}[${JSON.stringify(name)}]`;
  }

  /** A name in a literal of generated code. */
  protected label(name: string): string {
    return isPlainName(name) ? name : JSON.stringify(name);
  }

  private body(shape: Composed, place: string): string {
    switch (shape.kind) {
      case 'object':
        return this.object(shape, place);
      case 'union':
        return this.union(shape, place);
      case 'array':
        return `${this.begin(shape, place)}
const o = new Array(v.length);
for (let i = 0; i < v.length; i += 1) { const e = v[i]; o[i] = ${this.value(shape.item, 'e', `${place}[]`)}; }
return o;`;
      case 'tuple':
        return `${this.begin(shape, place)}
return [${shape.items.map((item, index) => this.value(item, `v[${index}]`, `${place}[${index}]`)).join(', ')}];`;
      case 'record':
        return `${this.begin(shape, place)}
const o = { __proto__: null };
for (const k of Object.keys(v)) { const e = v[k]; o[k] = ${this.value(shape.item, 'e', `${place}.*`)}; }
return o;`;
    }
  }
}

function isPlainName(name: string): boolean {
  return !name.includes('[');
}

function parseFunction(value: unknown): Function {
  return value as Function;
}
