/**
 * The JSON Schema that a game gives for the additional details of its players: read once, refused where it is hostile or says what nobody checks.
 *
 * Who writes it is a game master and no programmer of this service, so it is input like any other: words, size, depth and references are limited, patterns run
 * in linear time (RE2), no code is made of it, and each check has a budget of steps, whatever the schema and the value are.
 */
import type { FieldProblem } from 'keelson/errors';
import { RE2JS } from 're2js';
import { Budget, detailLimits, isDeeperThan, isObject, problemsOf, problemsOfSize, refused } from './details-check.ts';
import { faultOf, keywords } from './details-keywords.ts';
import { stepsOf } from './details-steps.ts';

/** Checks details by the schema of one game. */
export interface DetailsCheck {
  /** What does not fit, named from `field` on; nothing where all does. */
  problemsOf(details: unknown, field: string): readonly FieldProblem[];
}

interface Reading {
  readonly root: Readonly<Record<string, unknown>>;
  readonly problems: FieldProblem[];
  readonly budget: Budget;
  /** The schema itself and its definitions as they are checked by; references lead to these very objects. */
  readonly definitions: Map<string, object>;
  /** From a definition to those that it asks of the same value, with the place where it does. */
  readonly asks: Map<string, { readonly target: string; readonly path: string }[]>;
  schemasRead: number;
  /** The programs of all patterns together: they are made anew for each call. */
  patternSizes: number;
}

interface Place {
  readonly path: string;
  readonly depth: number;
  /** The definition that this is part of; `#` is the schema itself. */
  readonly owner: string;
  /** Whether it is asked of the same value as its definition. */
  readonly isHere: boolean;
}

const DEFINITION = /^#\/\$defs\/([A-Za-z0-9_-]{1,64})$/u;
const PROBLEMS_MAX = 20;

/**
 * Reads the schema of a game.
 *
 * @throws VALIDATION_ERROR with the path of each place that is not right
 */
export function readDetailsSchema(schema: unknown, field: string): DetailsCheck {
  // The depth first: what is nested without end cannot be written as text.
  if (isDeeperThan(schema, detailLimits.schemaJsonDepth))
    throw refused([{ field, message: `must not be nested deeper than ${detailLimits.schemaJsonDepth} levels` }]);
  const size = JSON.stringify(schema)?.length ?? 0;
  if (size > detailLimits.schemaCharacters)
    throw refused([{ field, message: `must have at most ${detailLimits.schemaCharacters} characters` }]);
  if (!isObject(schema)) throw refused([{ field, message: 'must be an object' }]);
  // Nothing said is nothing asked.
  if (Object.keys(schema).length === 0) return { problemsOf: problemsOfSize };
  if (schema['type'] !== 'object') throw refused([{ field: `${field}.type`, message: 'must be "object", since details are one' }]);
  const reading: Reading = {
    root: schema,
    problems: [],
    budget: new Budget(),
    definitions: new Map(),
    asks: new Map(),
    schemasRead: 0,
    patternSizes: 0,
  };
  const checked = define(reading, schema, { path: field, depth: 0, owner: '#', isHere: true });
  if (reading.problems.length === 0) refuseLoops(reading);
  if (reading.problems.length > 0) throw refused(reading.problems.slice(0, PROBLEMS_MAX));
  return { problemsOf: (details, at) => problemsOf(checked, reading.budget, details, at) };
}

/** The schema itself, or a definition: the object that references lead to. */
function define(reading: Reading, schema: unknown, place: Place): object {
  const checked = definitionOf(reading, place.owner);
  Object.assign(checked, { allOf: [read(reading, schema, place)] });
  return checked;
}

/** The object that a definition is checked by; it may be filled later, and may lead to itself. */
function definitionOf(reading: Reading, owner: string): object {
  const known = reading.definitions.get(owner) ?? {};
  reading.definitions.set(owner, known);
  return known;
}

/** One schema as it is checked by: each costs a step or more, patterns are RE2's, and a reference is the definition itself. */
function read(reading: Reading, schema: unknown, place: Place): unknown {
  reading.schemasRead += 1;
  if (reading.schemasRead > detailLimits.schemas) return fault(reading, place.path, `is one of more than ${detailLimits.schemas} schemas`);
  if (place.depth > detailLimits.schemaDepth) return fault(reading, place.path, `is nested deeper than ${detailLimits.schemaDepth} levels`);
  if (typeof schema === 'boolean') return schema;
  if (!isObject(schema)) return fault(reading, place.path, 'must be a schema: an object, true or false');
  const checked: Record<string, unknown> = {};
  const parts: unknown[] = [stepOf(reading, schema), checked];
  for (const [keyword, value] of Object.entries(schema)) {
    const kind = keywords.get(keyword);
    const at = { ...place, path: `${place.path}.${keyword}`, depth: place.depth + 1 };
    const wrong = kind === undefined ? 'is a keyword that is not taken here' : faultOf(kind, value);
    if (wrong !== undefined) fault(reading, at.path, wrong);
    else if (kind === 'pattern') checked['~refine'] = [patternOf(reading, String(value), at.path)];
    else if (kind === 'reference') parts.push(referenceOf(reading, String(value), at));
    else if (kind === 'definitions') defineAll(reading, value, at);
    else checked[keyword] = inner(reading, keyword, value, at);
  }
  return { allOf: parts };
}

function stepOf({ budget }: Reading, schema: Readonly<Record<string, unknown>>): unknown {
  const steps = stepsOf(schema);
  const step = {
    check(value: unknown): boolean {
      budget.take(steps(value));
      return true;
    },
    error: () => '',
  };
  return { '~refine': [step] };
}

function defineAll(reading: Reading, definitions: unknown, place: Place): void {
  if (place.owner !== '#' || place.depth > 1) return fault(reading, place.path, 'stands at the top only');
  for (const [name, schema] of Object.entries(isObject(definitions) ? definitions : {})) {
    const owner = `#/$defs/${name}`;
    const path = `${place.path}.${name}`;
    if (DEFINITION.test(owner)) define(reading, schema, { ...place, path, owner, isHere: true });
    else fault(reading, path, 'must be named by letters, digits, - and _');
  }
}

function inner(reading: Reading, keyword: string, value: unknown, place: Place): unknown {
  const below = { ...place, isHere: false };
  switch (keywords.get(keyword)) {
    case 'schemaHere':
      return read(reading, value, place);
    case 'schemaBelow':
      return read(reading, value, below);
    case 'schemasHere':
      return parseArray(value).map((each, index) => read(reading, each, { ...place, path: `${place.path}[${index}]` }));
    case 'schemasBelow':
      return parseArray(value).map((each, index) => read(reading, each, { ...below, path: `${place.path}[${index}]` }));
    case 'schemasByName':
      return named(value, (name, each) => {
        if (name === '__proto__') return fault(reading, `${place.path}.${name}`, 'is a name that cannot be taken');
        return read(reading, each, { ...below, path: `${place.path}.${name}` });
      });
    default:
      return value;
  }
}

function named(value: unknown, each: (name: string, schema: unknown) => unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, each(name, schema)])) : value;
}

function patternOf(reading: Reading, pattern: string, path: string): unknown {
  const max = detailLimits.patternCharacters;
  if (pattern.length > max) return fault(reading, path, `must have at most ${max} characters`);
  if (reading.patternSizes > detailLimits.patternSizes)
    return fault(reading, path, 'is one pattern too many: let there be fewer, or smaller ones');
  const compiled = compiledOf(pattern);
  if (compiled === undefined)
    return fault(reading, path, 'must be a regular expression that RE2 knows: without back references and looking around');
  const size = compiled.programSize();
  reading.patternSizes += size;
  if (size > detailLimits.patternSize) return fault(reading, path, 'is too large: let it repeat less');
  return {
    check(value: unknown): boolean {
      if (typeof value !== 'string') return true;
      reading.budget.take(1 + Math.ceil((value.length * size) / STEP_INSTRUCTIONS));
      return compiled.matcher(value).find();
    },
    error: () => `must match pattern ${JSON.stringify(pattern)}`,
  };
}

/** How much of a pattern is worth one step: characters times instructions of its program. */
const STEP_INSTRUCTIONS = 100;

function compiledOf(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    // Whatever it cannot read is not a pattern here.
    return undefined;
  }
}

function referenceOf(reading: Reading, target: string, place: Place): unknown {
  const name = DEFINITION.exec(target)?.[1];
  const definitions = reading.root['$defs'];
  const isThere = target === '#' || (name !== undefined && isObject(definitions) && Object.hasOwn(definitions, name));
  if (!isThere) return fault(reading, place.path, 'must be "#" or "#/$defs/…" of this schema');
  if (place.isHere) {
    const asked = reading.asks.get(place.owner) ?? [];
    reading.asks.set(place.owner, [...asked, { target, path: place.path }]);
  }
  return definitionOf(reading, target);
}

/** A definition that asks itself of the same value would never come to an end. */
function refuseLoops(reading: Reading): void {
  const done = new Set<string>();
  const visit = (owner: string, open: ReadonlySet<string>): void => {
    if (done.has(owner)) return;
    for (const { target, path } of reading.asks.get(owner) ?? []) {
      if (target === owner || open.has(target)) fault(reading, path, 'leads back to itself without going into the value');
      else visit(target, new Set([...open, owner]));
    }
    done.add(owner);
  };
  for (const owner of reading.asks.keys()) visit(owner, new Set());
}

function fault(reading: Reading, field: string, message: string): undefined {
  reading.problems.push({ field, message });
  return undefined;
}

function parseArray(value: unknown): readonly unknown[] {
  return value as readonly unknown[];
}
