/** What the words of one schema cost for a value, in steps: some compare it with much, or look at all that is in it. */
import { isObject } from './details-check.ts';

/** How many comparisons are worth one step. */
const STEP_COMPARISONS = 20;
/** A text is read, or hashed, this many characters at a time. */
const COMPARED_CHARACTERS = 4;
/** How many alternatives of a name are worth one comparison. */
const COMPARED_NAMES = 10;
/** What finding the same twice costs for each value. */
const HASH_COMPARISONS = 3;

/** The steps that a value costs at one schema; what is below is counted there. */
export function stepsOf(schema: Readonly<Record<string, unknown>>): (value: unknown) => number {
  const namesCount = isObject(schema['properties']) ? Object.keys(schema['properties']).length : 0;
  const requiredCount = Array.isArray(schema['required']) ? schema['required'].length : 0;
  const wanted = [schema['enum'], schema['const']].filter((each) => each !== undefined);
  const always = namesCount + requiredCount + sizeOf(wanted);
  const isUnique = schema['uniqueItems'] === true;
  return (value) => {
    let comparisons = always;
    if (typeof value === 'string') comparisons += value.length / COMPARED_CHARACTERS;
    else if (Array.isArray(value)) comparisons += isUnique ? HASH_COMPARISONS * sizeOf(value) : 0;
    else if (isObject(value)) comparisons += Object.keys(value).length * (1 + namesCount / COMPARED_NAMES);
    return 1 + comparisons / STEP_COMPARISONS;
  };
}

/** How much there is to compare in a value, with all that is in it. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / COMPARED_CHARACTERS;
  if (typeof value !== 'object' || value === null) return 1;
  let size = 1;
  for (const [name, each] of Object.entries(value)) size += sizeOf(each) + (Array.isArray(value) ? 0 : name.length / COMPARED_CHARACTERS);
  return size;
}
