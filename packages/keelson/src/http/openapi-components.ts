/** Components: what several operations of the OpenAPI document share, each written once. */
import { KeelsonError, type ErrorCode } from '../errors.ts';
import type { SecurityScheme } from './guard.ts';
import { bounded } from './openapi-bounds.ts';
import { problemLimits, problemOf } from './problem.ts';
import { describeShape, type Direction } from './wire/json-schema.ts';
import type { JsonSchema, Shape } from './wire/shape.ts';

/** Gathers schemas with a `$id`, examples of failures and security schemes while the paths are written. */
export class Components {
  readonly #prefix: string;
  readonly #schemas = new Map<string, JsonSchema>();
  readonly #examples = new Map<ErrorCode, JsonSchema>();
  readonly #headers = new Set<string>();
  readonly #parameters = new Set<keyof typeof requestHeaders>();
  readonly #securitySchemes = new Map<string, JsonSchema>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The schema of a shape; what has a `$id` is written once and referred to. */
  schema(shape: Shape, direction: Direction): JsonSchema {
    return parseSchema(this.#share(bounded(describeShape(shape, direction), direction), direction));
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

  /** A reference to a header of a request. */
  parameter(name: keyof typeof requestHeaders): JsonSchema {
    this.#parameters.add(name);
    return { $ref: `#/components/parameters/${name}` };
  }

  /** References to the headers of an answer; `given` are those that only some routes set. */
  headers(status: number, given: readonly string[] = []): JsonSchema {
    const names = Object.keys(answerHeaders).filter(
      (name) => (answerHeaders[name]?.statuses?.includes(status) ?? true) && (!routeHeaders.has(name) || given.includes(name)),
    );
    return Object.fromEntries(
      names.map((name) => {
        this.#headers.add(name);
        return [name, { $ref: `#/components/headers/${name}` }];
      }),
    );
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
      headers: Object.fromEntries([...this.#headers].map((name) => [name, answerHeaders[name]?.header])),
      ...(this.#parameters.size === 0
        ? {}
        : { parameters: Object.fromEntries([...this.#parameters].map((name) => [name, headerParameter(name)])) }),
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

interface AnswerHeader {
  /** Of which answers; of all when it does not say. */
  readonly statuses?: readonly number[];
  readonly header: JsonSchema;
}

function header(description: string, schema: JsonSchema, statuses?: readonly number[]): AnswerHeader {
  return { ...(statuses === undefined ? {} : { statuses }), header: { description, schema } };
}

const count: JsonSchema = { type: 'integer', format: 'int32', minimum: 0, maximum: 10_000_000 };
const seconds: JsonSchema = { type: 'integer', format: 'int32', minimum: 0, maximum: problemLimits.retryAfterS };
const id: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9._-]{8,128}$', maxLength: 128 };

const answerHeaders: Readonly<Record<string, AnswerHeader>> = {
  'X-Request-Id': header('The id of the request: the client’s own where it sent a fitting one.', id),
  'RateLimit-Limit': header('How many calls an address may make in a minute.', count),
  'RateLimit-Remaining': header('How many of them are left.', count),
  'RateLimit-Reset': header('Seconds until they are counted anew.', seconds),
  'Access-Control-Allow-Origin': header('The origin that called, where it is one of CORS_ORIGINS.', {
    type: 'string',
    format: 'uri',
    maxLength: 300,
  }),
  'Retry-After': header('Seconds to wait before the same call may succeed.', seconds, [429, 503]),
  'WWW-Authenticate': header('How to say who is calling.', { type: 'string', pattern: '^Bearer', maxLength: 200 }, [401]),
  ETag: header('The version of what is answered.', { type: 'string', pattern: '^"[0-9]+"$', maxLength: 40 }, [200, 201, 304, 412]),
  Location: header('Where the new one is found.', { type: 'string', format: 'uri-reference', maxLength: 1_000 }, [201]),
};

/** Headers of answers that a route sets by itself, and says that it does. */
const routeHeaders: ReadonlySet<string> = new Set(['ETag', 'Location']);

const requestHeaders = {
  'If-Match': 'The ETag that was read, or several, or `*`: what has another version is left as it is.',
  'If-None-Match': 'The ETag that is known, or several, or `*`: the answer is a 304 where it still holds.',
} as const;

function headerParameter(name: keyof typeof requestHeaders): JsonSchema {
  return { name, in: 'header', required: false, description: requestHeaders[name], schema: { type: 'string', maxLength: 1_000 } };
}

const { lengthMax } = problemLimits;

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'Every failure, as RFC 9457 has it.',
  required: ['type', 'title', 'status', 'instance', 'error', 'message', 'timestamp', 'request_id'],
  properties: {
    type: { type: 'string', format: 'uri-reference', maxLength: 100, description: 'The page of the code, for a person.' },
    title: { type: 'string', maxLength: 100 },
    status: { type: 'integer', format: 'int32', minimum: 400, maximum: 599 },
    instance: { type: 'string', maxLength: lengthMax, description: 'The path that was called.' },
    error: { type: 'string', pattern: '^[A-Z][A-Z_]+$', maxLength: 64, description: 'The code; it never changes its meaning.' },
    message: { type: 'string', maxLength: lengthMax, description: 'One sentence for a person.' },
    detail: { type: 'string', maxLength: lengthMax },
    timestamp: { type: 'string', format: 'date-time', maxLength: 64 },
    request_id: { ...id, description: 'The same as the header x-request-id and the lines of the log.' },
    validation_errors: {
      type: 'array',
      maxItems: problemLimits.fieldsMax,
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', maxLength: lengthMax, examples: ['body.email'] },
          message: { type: 'string', maxLength: lengthMax },
          value: {},
        },
      },
    },
    retry_after: { ...seconds, description: 'Seconds to wait; the same as the header Retry-After.' },
  },
};

function parseSchema(value: unknown): JsonSchema {
  return value as JsonSchema;
}
