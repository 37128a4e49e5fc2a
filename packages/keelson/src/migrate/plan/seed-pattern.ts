/** Texts that a regular expression takes, for the plain ones that stand in checks: `^0x[0-9a-f]{40}$`, `^[a-z]+(_[a-z]+)*$`. */

const SAMPLES = 4;
const REPEATED_MAX = 200;
const SOURCE_MAX = 500;

/** A few texts that the pattern takes; none when it cannot be followed. */
export function samplePattern(source: string): readonly string[] {
  if (source.length > SOURCE_MAX) return [];
  const found = Array.from({ length: SAMPLES }, (_, at) => new Sampler(source, at).sample());
  return [...new Set(found.filter((text) => text !== undefined))];
}

const CLASSES: Readonly<Record<string, string>> = { d: '0123456789', w: 'abcdefgh', s: ' ', n: '\n', t: '\t' };
const NAMED: Readonly<Record<string, string>> = {
  alpha: 'abc',
  digit: '123',
  alnum: 'ab1',
  lower: 'abc',
  upper: 'ABC',
  xdigit: 'a1f',
  space: ' ',
  punct: '.',
};

class Sampler {
  readonly #source: string;
  /** Which of several ways to go. */
  readonly #at: number;
  #place = 0;

  constructor(source: string, at: number) {
    this.#source = source;
    this.#at = at;
  }

  sample(): string | undefined {
    const text = this.#alternatives();
    return this.#place === this.#source.length ? text : undefined;
  }

  #alternatives(): string {
    const ways = [this.#sequence()];
    while (this.#take('|')) ways.push(this.#sequence());
    return ways[this.#at % ways.length] ?? '';
  }

  #sequence(): string {
    let text = '';
    while (this.#place < this.#source.length && !'|)'.includes(this.#source.charAt(this.#place))) {
      const piece = this.#atom();
      text += piece.repeat(this.#times());
    }
    return text;
  }

  #atom(): string {
    const character = this.#source.charAt(this.#place);
    this.#place += 1;
    switch (character) {
      case '^':
      case '$':
        return '';
      case '.':
        return 'a';
      case '(':
        return this.#group();
      case '[':
        return this.#set();
      case '\\':
        return this.#escaped();
      default:
        return character;
    }
  }

  #group(): string {
    if (this.#source.startsWith('?:', this.#place)) this.#place += 2;
    const text = this.#alternatives();
    this.#take(')');
    return text;
  }

  #escaped(): string {
    const character = this.#source.charAt(this.#place);
    this.#place += 1;
    return this.#pick(CLASSES[character] ?? character);
  }

  #set(): string {
    const isNegated = this.#take('^');
    let members = '';
    while (this.#place < this.#source.length && (this.#source.charAt(this.#place) !== ']' || members === '')) members += this.#member();
    this.#take(']');
    return isNegated ? this.#pick([...'aA1 -'].filter((character) => !members.includes(character)).join('')) : this.#pick(members);
  }

  #member(): string {
    const named = /^\[:(\w+):\]/u.exec(this.#source.slice(this.#place));
    if (named !== null) {
      this.#place += named[0].length;
      return NAMED[named[1] ?? ''] ?? 'a';
    }
    if (this.#take('\\')) return this.#escaped();
    const first = this.#source.charAt(this.#place);
    this.#place += 1;
    if (this.#source.charAt(this.#place) !== '-' || this.#source.charAt(this.#place + 1) === ']') return first;
    const last = this.#source.charAt(this.#place + 1);
    this.#place += 2;
    const from = first.charCodeAt(0);
    const size = Math.min(last.charCodeAt(0) - from + 1, SAMPLES + 1);
    return Array.from({ length: Math.max(size, 0) }, (_, at) => String.fromCharCode(from + at)).join('');
  }

  #times(): number {
    if (this.#take('?')) return this.#at % 2;
    const isEndless = this.#take('*') || this.#take('+');
    if (isEndless) {
      this.#take('?');
      return this.#at + 1;
    }
    const counted = /^\{(\d+)(,\d*)?\}/u.exec(this.#source.slice(this.#place));
    if (counted === null) return 1;
    this.#place += counted[0].length;
    return Math.min(Number(counted[1]), REPEATED_MAX);
  }

  #pick(members: string): string {
    return members.charAt(this.#at % Math.max(members.length, 1));
  }

  #take(character: string): boolean {
    if (this.#source.charAt(this.#place) !== character || this.#place >= this.#source.length) return false;
    this.#place += 1;
    return true;
  }
}
