/** The rules of `layers.json`, read and checked. */

/** An import that the rules forbid and this list allows, with the reason why. */
export interface Exception {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** Who may import whom. */
export interface Layers {
  readonly library: {
    readonly folder: string;
    /** Units of one level do not know each other; each knows the levels before it. */
    readonly levels: readonly (readonly string[])[];
    readonly testsMayImport: readonly string[];
    readonly exceptions: readonly Exception[];
  };
  readonly apps: {
    readonly folder: string;
    readonly roles: readonly string[];
    readonly own: Readonly<Record<string, readonly string[]>>;
    readonly across: Readonly<Record<string, readonly string[]>>;
    readonly notFromLibrary: Readonly<Record<string, readonly string[]>>;
    readonly exceptions: readonly Exception[];
  };
}

/** Takes the text of `layers.json` at its word; a missing part shows in the first check that needs it. */
export function parseLayers(text: string): Layers {
  return JSON.parse(text) as Layers;
}

/** Remembers which exceptions were needed, so that the others can be reported. */
export class Exceptions {
  readonly #list: readonly Exception[];
  readonly #used = new Set<Exception>();

  constructor(list: readonly Exception[]) {
    this.#list = list;
  }

  allow(from: string, to: string): boolean {
    const found = this.#list.find((each) => each.from === from && each.to === to && each.reason.trim() !== '');
    if (found !== undefined) this.#used.add(found);
    return found !== undefined;
  }

  unused(): Exception[] {
    return this.#list.filter((each) => !this.#used.has(each));
  }
}
