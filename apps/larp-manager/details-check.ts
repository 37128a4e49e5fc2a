/** Checks the additional details of players, within limits, by a schema that was read. */
import { type FieldProblem, isKeelsonError, KeelsonError } from 'keelson/errors';
import { Check, Errors } from 'typebox/schema';

/** What a schema, and what is checked by it, may cost. */
export const detailLimits = {
  schemaCharacters: 32_000,
  schemas: 500,
  schemaDepth: 24,
  schemaJsonDepth: 100,
  patternCharacters: 200,
  patternSize: 1_000,
  patternSizes: 5_000,
  detailCharacters: 16_000,
  detailDepth: 16,
  /** What checking the details of one player may cost, and those of all that come at once. */
  steps: 20_000,
  stepsAtOnce: 400_000,
} as const;

const PROBLEMS_MAX = 20;
const SHOWN_CHARACTERS_MAX = 100;

/** Counts what a check costs. */
export class Budget {
  #left = 0;
  #leftAtOnce: number = detailLimits.stepsAtOnce;
  #field = '';

  /** Begins anew. */
  reset(field: string): void {
    this.#left = detailLimits.steps;
    this.#field = field;
  }

  /** Takes some of it; the check ends when nothing is left. */
  take(steps: number): void {
    this.#left -= steps;
    this.#leftAtOnce -= steps;
    if (this.#left < 0 || this.#leftAtOnce < 0)
      throw refused([{ field: this.#field, message: 'takes too many steps to check against the schema of the game' }]);
  }
}

/** Details where their game asks nothing of them: any object that is not too large. */
export function problemsOfSize(details: unknown, field: string): readonly FieldProblem[] {
  if (!isObject(details)) return [{ field, message: 'must be an object' }];
  // The depth first: what is nested too deep is nothing to be written as text.
  if (isDeeperThan(details, detailLimits.detailDepth))
    return [{ field, message: `must not be nested deeper than ${detailLimits.detailDepth} levels` }];
  if (JSON.stringify(details).length <= detailLimits.detailCharacters) return [];
  return [{ field, message: `must have at most ${detailLimits.detailCharacters} characters as JSON` }];
}

/** What does not fit a schema that was read, named from a field on. */
export function problemsOf(schema: object, budget: Budget, details: unknown, field: string): readonly FieldProblem[] {
  const tooLarge = problemsOfSize(details, field);
  if (tooLarge.length > 0) return tooLarge;
  const value = bare(details);
  try {
    budget.reset(field);
    if (Check(schema, value)) return [];
    budget.reset(field);
    const told = Errors(schema, value)[1].flatMap((error) => explain(error, field));
    return told.length === 0 ? [{ field, message: 'does not fit the schema of the game' }] : told.slice(0, PROBLEMS_MAX);
  } catch (error) {
    if (isKeelsonError(error, 'VALIDATION_ERROR')) return error.validationErrors ?? [];
    throw error;
  }
}

/** Without what objects inherit: `toString` is nothing that was sent. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = { __proto__: null };
  for (const [name, each] of Object.entries(value)) copy[name] = bare(each);
  return copy;
}

function explain(error: ReturnType<typeof Errors>[1][number], field: string): readonly FieldProblem[] {
  const at = fieldOf(field, error.instancePath);
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties.map((name) => ({ field: `${at}.${short(name)}`, message: 'is required' }));
    case 'additionalProperties':
      // Each of them is told by its own error.
      return [];
    case 'boolean':
      return [{ field: at, message: 'is nothing that the game asks for' }];
    case 'enum':
      return [{ field: at, message: `must be one of ${list(error.params.allowedValues)}` }];
    default:
      return [{ field: at, message: error.message }];
  }
}

function list(values: readonly unknown[]): string {
  const shown = 10;
  const told = values.slice(0, shown).map((value) => short(JSON.stringify(value)));
  return values.length > shown ? `${told.join(', ')} …` : told.join(', ');
}

/** `/a/0/b` as `.a[0].b`. */
function fieldOf(field: string, pointer: string): string {
  const steps = pointer.split('/').slice(1);
  const names = steps.map((step) => short(decodeStep(step)));
  return names.reduce((path, name) => (/^\d+$/u.test(name) ? `${path}[${name}]` : `${path}.${name}`), field);
}

function decodeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A name or a value as a message shows it: its author may have made it as long as a body. */
function short(text: string): string {
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

/** The error that says which fields do not fit. */
export function refused(validationErrors: readonly FieldProblem[]): KeelsonError {
  return new KeelsonError('VALIDATION_ERROR', { validationErrors });
}

/** Whether a value has more levels than that. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels <= 0 || Object.values(value).some((each) => isDeeperThan(each, levels - 1));
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
