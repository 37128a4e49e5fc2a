/** What a list is narrowed to before anything is asked: a condition of one value is that value, so that an index has the order behind it. */

/** A scope whose lists of one value are that value. */
export function singled(scope: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(scope).map(([key, condition]) => [key, soleValue(condition)]));
}

/** The one value of a list of one; anything else as it is. */
export function soleValue(condition: unknown): unknown {
  return Array.isArray(condition) && condition.length === 1 ? condition[0] : condition;
}
