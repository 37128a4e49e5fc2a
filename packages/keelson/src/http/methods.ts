/** Methods: which ones a path takes, for the Allow header of a 405. */

interface Pattern {
  readonly matches: RegExp;
  readonly methods: Set<string>;
}

/** Remembers the methods of every route. */
export class AllowedMethods {
  readonly #patterns = new Map<string, Pattern>();

  /** Takes a route; parameters and wildcards as the router writes them. */
  add(method: string | readonly string[], url: string): void {
    const pattern = this.#patterns.get(url) ?? { matches: expressionOf(url), methods: new Set<string>() };
    this.#patterns.set(url, pattern);
    for (const each of typeof method === 'string' ? [method] : method) pattern.methods.add(each.toUpperCase());
  }

  /** The methods that a path takes, in order; none when there is no such path. */
  of(path: string): readonly string[] {
    const all = [...this.#patterns.values()].filter(({ matches }) => matches.test(path)).flatMap(({ methods }) => [...methods]);
    return [...new Set(all)].toSorted();
  }
}

function expressionOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : RegExp.escape(part)))
    .join('/');
  return new RegExp(`^${source}$`, 'u');
}
