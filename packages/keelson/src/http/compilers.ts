/** Compilers for plain Fastify routes: TypeBox checks and JSON writes, so that neither Ajv nor fast-json-stringify is ever loaded. */
import type { FastifyServerOptions } from 'fastify';
import { Compile } from 'typebox/schema';
import { type FieldProblem, KeelsonError } from '../errors.ts';
import type { JsonSchema } from './wire/shape.ts';

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>;

/** What Fastify asks a validator for. */
interface ValidatedPart {
  readonly schema: JsonSchema;
  readonly httpPart?: string;
}

/**
 * Both builders must be given when the server is made: Fastify loads Ajv for the one that is missing, and before any
 * `setValidatorCompiler`. Values are checked as they arrived: only routes made by `routeFactory` read and rename.
 */
export const schemaController: SchemaController = parseController({
  compilersFactory: { buildValidator: () => validatorOf, buildSerializer: () => () => (value: unknown) => JSON.stringify(value) },
});

function validatorOf({ schema, httpPart = 'body' }: ValidatedPart): (value: unknown) => { value: unknown } | { error: KeelsonError } {
  const check = Compile(schema);
  return (value) => {
    if (check.Check(value)) return { value };
    const [, errors] = check.Errors(value);
    const validationErrors = errors.map(({ instancePath, message }): FieldProblem => ({
      field: `${httpPart}${instancePath.replaceAll('/', '.')}`,
      message,
    }));
    return { error: new KeelsonError('VALIDATION_ERROR', { validationErrors }) };
  };
}

/** Fastify types its builders as Ajv's and fast-json-stringify's, of which it uses only what is here. */
function parseController(controller: unknown): SchemaController {
  return controller as SchemaController;
}
