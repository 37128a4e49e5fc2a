/** What is wrong with a value, field by field, in the names of the wire. */
import { Check, Errors } from 'typebox/schema';
import type { FieldProblem } from '../../errors.ts';
import { checkableOwn, checkableShape } from './json-schema.ts';
import { type Constant, constantsOf, type Property, type Shape } from './shape.ts';

/** More problems than this are not told: nobody reads them, and an attacker pays for the answer otherwise. */
const PROBLEMS_MAX = 20;

/** Explains why a value does not fit; the value itself is never repeated, since it may be a secret. */
export function explain(shape: Shape, value: unknown, field: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  visit(shape, value, field, problems);
  return problems;
}

function visit(shape: Shape, value: unknown, field: string, problems: FieldProblem[]): void {
  if (problems.length >= PROBLEMS_MAX) return;
  switch (shape.kind) {
    case 'object':
      if (isRecord(value)) visitObject(shape, value, field, problems);
      else problems.push({ field, message: value === null || value === undefined ? 'is required' : 'must be an object' });
      return;
    case 'record':
      if (!isRecord(value)) problems.push({ field, message: 'must be an object' });
      else visitRecord(shape, value, field, problems);
      return;
    case 'array':
    case 'tuple':
      if (!Array.isArray(value)) problems.push({ field, message: 'must be a list' });
      else visitList(shape, value, field, problems);
      return;
    case 'union':
      if (!Check(checkableShape(shape), value)) problems.push(...explainUnion(shape.branches, value, field).slice(0, PROBLEMS_MAX));
      return;
    default:
      own(shape, value, field, problems);
  }
}

function visitObject(
  shape: Shape & { kind: 'object' },
  value: Readonly<Record<string, unknown>>,
  field: string,
  problems: FieldProblem[],
): void {
  const known = new Map(shape.properties.map((property) => [property.name, property]));
  for (const property of shape.properties) {
    const given = Object.hasOwn(value, property.name) ? value[property.name] : undefined;
    if (given !== undefined) visit(property.shape, given, join(field, property.name), problems);
    else if (isMissed(property)) problems.push({ field: join(field, property.name), message: 'is required' });
  }
  if (!shape.open) {
    for (const name of Object.keys(value)) {
      if (problems.length >= PROBLEMS_MAX) return;
      if (!known.has(name)) problems.push({ field: join(field, name), message: 'is not a known field' });
    }
  }
  own(shape, value, field, problems);
}

function visitRecord(
  shape: Shape & { kind: 'record' },
  value: Readonly<Record<string, unknown>>,
  field: string,
  problems: FieldProblem[],
): void {
  const pattern = shape.pattern === undefined ? undefined : new RegExp(shape.pattern, 'u');
  for (const [name, item] of Object.entries(value)) {
    if (pattern?.test(name) === false) problems.push({ field: join(field, name), message: 'is not a known field' });
    else visit(shape.item, item, join(field, name), problems);
    if (problems.length >= PROBLEMS_MAX) return;
  }
  own(shape, value, field, problems);
}

function visitList(shape: Shape & { kind: 'array' | 'tuple' }, value: readonly unknown[], field: string, problems: FieldProblem[]): void {
  if (shape.kind === 'tuple' && value.length !== shape.items.length) {
    problems.push({ field, message: `must have ${shape.items.length} items` });
    return;
  }
  for (const [index, item] of value.entries()) {
    const inner = shape.kind === 'array' ? shape.item : shape.items[index];
    if (inner !== undefined) visit(inner, item, `${field}[${index}]`, problems);
    if (problems.length >= PROBLEMS_MAX) return;
  }
  if (shape.kind === 'array') own(shape, value, field, problems);
}

/** The branch that fits best tells; several that want one of a few constants tell together. */
function explainUnion(branches: readonly Shape[], value: unknown, field: string): readonly FieldProblem[] {
  const meant = branches.filter((branch) => branch.kind !== 'null');
  if (meant.every((branch) => branch.kind === 'constant')) return [{ field, message: oneOf(meant.flatMap(constantsOf)) }];
  const told = meant.map((branch) => explain(branch, value, field)).filter((problems) => problems.length > 0);
  return told.toSorted((one, other) => one.length - other.length)[0] ?? [{ field, message: 'does not fit' }];
}

function own(shape: Shape, value: unknown, field: string, problems: FieldProblem[]): void {
  if (shape.kind === 'constant') {
    const allowed = constantsOf(shape);
    if (!allowed.some((constant) => constant === value)) problems.push({ field, message: oneOf(allowed) });
    return;
  }
  const [, errors] = Errors(checkableOwn(shape), value);
  const first = errors[0];
  if (first !== undefined) problems.push({ field, message: wordsFor(first) });
}

function wordsFor(error: ReturnType<typeof Errors>[1][number]): string {
  switch (error.keyword) {
    case 'minimum':
      return `must be at least ${error.params.limit}`;
    case 'maximum':
      return `must be at most ${error.params.limit}`;
    case 'minItems':
      return `must have at least ${error.params.limit} items`;
    case 'maxItems':
      return `must have at most ${error.params.limit} items`;
    case 'format':
      return formats[error.params.format] ?? `must have the format ${error.params.format}`;
    default:
      return words[error.message] ?? error.message;
  }
}

const formats: Readonly<Record<string, string>> = {
  uuid: 'must be a UUID',
  email: 'must be an e-mail address',
  date: 'must be a day such as 2026-11-20',
  'date-time': 'must be a moment such as 2026-11-20T09:30:00Z',
  uri: 'must be a URI',
};

const words: Readonly<Record<string, string>> = {
  'must be string': 'must be a text',
  'must be integer': 'must be a whole number',
  'must be number': 'must be a number',
  'must be boolean': 'must be true or false',
};

function oneOf(allowed: readonly Constant[]): string {
  return `must be ${allowed.length > 1 ? 'one of ' : ''}${allowed.map(String).join(', ')}`;
}

function isMissed({ required, shape }: Property): boolean {
  return required && !('default' in shape.own);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name that a client made up is cut short and kept to one line. */
function join(field: string, name: string): string {
  return `${field}.${name.slice(0, 100).replaceAll(/[\p{C}\s]/gu, '?')}`;
}
