/** Components: what several operations of the OpenAPI document share, each written once. */
import { KeelsonError, type ErrorCode } from '../errors.ts';
import type { SecurityScheme } from './guard.ts';
import { problemOf } from './problem.ts';
import { describeShape, type Direction } from './wire/json-schema.ts';
import type { JsonSchema, Shape } from './wire/shape.ts';

/** Gathers schemas with a `$id`, examples of failures and security schemes while the paths are written. */
export class Components {
  readonly #prefix: string;
  readonly #schemas = new Map<string, JsonSchema>();
  readonly #examples = new Map<ErrorCode, JsonSchema>();
  readonly #securitySchemes = new Map<string, JsonSchema>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The schema of a shape; what has a `$id` is written once and referred to. */
  schema(shape: Shape, direction: Direction): JsonSchema {
    return parseSchema(this.#share(describeShape(shape, direction), direction));
  }

  /** A reference to the body of failures. */
  problem(): JsonSchema {
    this.#schemas.set('Problem', problemSchema);
    return { $ref: '#/components/schemas/Problem' };
  }

  /** A reference to a failure as it is answered. */
  example(code: ErrorCode): JsonSchema {
    this.#examples.set(code, { value: exampleOf(code) });
    return { $ref: `#/components/examples/${code}` };
  }

  /** Takes a security scheme, and gives its name. */
  security({ name, scheme }: SecurityScheme): string {
    this.#securitySchemes.set(name, typeof scheme === 'function' ? scheme(this.#prefix) : scheme);
    return name;
  }

  /** The components object. */
  render(): JsonSchema {
    return {
      schemas: Object.fromEntries(this.#schemas),
      examples: Object.fromEntries(this.#examples),
      securitySchemes: Object.fromEntries(this.#securitySchemes),
    };
  }

  #share(node: unknown, direction: Direction): unknown {
    if (Array.isArray(node)) return node.map((item: unknown) => this.#share(item, direction));
    if (typeof node !== 'object' || node === null) return node;
    const { $id: id, ...rest } = parseSchema(node);
    const shared = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, this.#share(value, direction)]));
    if (typeof id !== 'string') return shared;
    const name = this.#nameFor(id, shared, direction);
    this.#schemas.set(name, shared);
    return { $ref: `#/components/schemas/${name}` };
  }

  /** One `$id` may be two schemas: closed on its way in, open on its way out. */
  #nameFor(id: string, schema: JsonSchema, direction: Direction): string {
    const plain = id.replaceAll(/[^A-Za-z0-9._-]/gu, '_');
    const known = this.#schemas.get(plain);
    return known === undefined || JSON.stringify(known) === JSON.stringify(schema)
      ? plain
      : `${plain}${direction === 'in' ? 'Input' : 'Output'}`;
  }
}

/** The moment and the id of examples. */
const EXAMPLE_TIME = new Date(Date.UTC(2026, 10, 20, 9, 30));
const EXAMPLE_ID = '019aa1c8-7a3e-7c51-9f5e-0d1c2b3a4f50';

function exampleOf(code: ErrorCode): unknown {
  const validationErrors = code === 'VALIDATION_ERROR' ? [{ field: 'body.email', message: 'is required' }] : undefined;
  const clock = { now: () => EXAMPLE_TIME };
  return problemOf(new KeelsonError(code, { validationErrors }), { instance: '/api/v1/…', requestId: EXAMPLE_ID, clock });
}

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'Every failure, as RFC 9457 has it.',
  required: ['type', 'title', 'status', 'instance', 'error', 'message', 'timestamp', 'request_id'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'The page of the code, for a person.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    instance: { type: 'string', description: 'The path that was called.' },
    error: { type: 'string', description: 'The code; it never changes its meaning.' },
    message: { type: 'string', description: 'One sentence for a person.' },
    detail: { type: 'string' },
    timestamp: { type: 'string', format: 'date-time' },
    request_id: { type: 'string', description: 'The same as the header x-request-id and the lines of the log.' },
    validation_errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string', examples: ['body.email'] }, message: { type: 'string' }, value: {} },
      },
    },
    retry_after: { type: 'integer', description: 'Seconds to wait; the same as the header Retry-After.' },
  },
};

function parseSchema(value: unknown): JsonSchema {
  return value as JsonSchema;
}
