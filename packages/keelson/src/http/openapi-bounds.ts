/** Bounds: what the service holds to anyway is written into the schemas of the document, where they do not say it themselves. */
import { edgeLimits, KEYS_MAX } from './limits.ts';
import type { Direction } from './wire/json-schema.ts';
import { TIME_LENGTH_MAX } from './wire/json-schema.ts';
import type { JsonSchema } from './wire/shape.ts';

const INT32_MIN = -2_147_483_648;
const INT32_MAX = 2_147_483_647;

/** Lengths that formats have by themselves. */
const lengths: Readonly<Record<string, number>> = { uuid: 36, date: 10, 'date-time': TIME_LENGTH_MAX };

/** Adds the bounds that hold: those of formats and numbers both ways, those of what a body can hold at all on the way in. */
export function bounded(schema: JsonSchema, direction: Direction): JsonSchema {
  const within = withParts(schema, direction);
  if ('const' in schema || 'enum' in schema) return within;
  switch (schema['type']) {
    case 'string':
      return boundedText(within, direction);
    case 'integer':
      return boundedInteger(within);
    case 'array':
      return direction === 'in' && !('maxItems' in within) ? { ...within, maxItems: edgeLimits.bodyBytesMax / 2 } : within;
    case 'object':
      return direction === 'in' && isRecord(within['additionalProperties']) ? { maxProperties: KEYS_MAX, ...within } : within;
    default:
      return within;
  }
}

function boundedText(schema: JsonSchema, direction: Direction): JsonSchema {
  if ('maxLength' in schema) return schema;
  const byFormat = lengths[String(schema['format'])];
  if (byFormat !== undefined) return { ...schema, maxLength: byFormat };
  return direction === 'in' ? { ...schema, maxLength: edgeLimits.bodyBytesMax } : schema;
}

function boundedInteger(schema: JsonSchema): JsonSchema {
  const least = schema['minimum'] ?? schema['exclusiveMinimum'] ?? Number.MIN_SAFE_INTEGER;
  const most = schema['maximum'] ?? schema['exclusiveMaximum'] ?? Number.MAX_SAFE_INTEGER;
  return {
    format: Number(least) >= INT32_MIN && Number(most) <= INT32_MAX ? 'int32' : 'int64',
    ...('exclusiveMinimum' in schema ? {} : { minimum: least }),
    ...('exclusiveMaximum' in schema ? {} : { maximum: most }),
    ...schema,
  };
}

function withParts(schema: JsonSchema, direction: Direction): JsonSchema {
  const parts: Record<string, unknown> = { ...schema };
  for (const keyword of ['items', 'additionalProperties']) {
    const part = schema[keyword];
    if (isRecord(part)) parts[keyword] = bounded(part, direction);
  }
  for (const keyword of ['properties', 'patternProperties']) {
    const named = schema[keyword];
    if (isRecord(named))
      parts[keyword] = Object.fromEntries(
        Object.entries(named).map(([name, part]) => [name, isRecord(part) ? bounded(part, direction) : part]),
      );
  }
  for (const keyword of ['anyOf', 'prefixItems']) {
    const list = schema[keyword];
    if (Array.isArray(list)) parts[keyword] = list.map((part: unknown) => (isRecord(part) ? bounded(part, direction) : part));
  }
  return parts;
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
