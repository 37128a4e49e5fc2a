/** What the demo shows: a bar for each state, drawn anew in a terminal, and a line for each change elsewhere. */
import { tokenLifeCycle } from './tokens/state.ts';

/** How the tokens stand. */
export interface Look {
  readonly counts: ReadonlyMap<string, number>;
  /** How many are held by each process. */
  readonly held: ReadonlyMap<number, number>;
  /** Whose pictures are drawn. */
  readonly drawn: number;
  /** Neither revealed nor failed. */
  readonly underWay: number;
}

/** What one picture of the screen shows. */
export interface Frame {
  readonly seconds: number;
  readonly look: Look;
  /** What is told below the bars. */
  readonly lines: readonly string[];
}

const STATES = Object.keys(tokenLifeCycle.edges);
const BAR_WIDTH = 40;
const NAME_WIDTH = 11;
/** Where nothing can be drawn anew, a line is enough for so long. */
const LINE_EACH_S = 0.5;

export class Screen {
  readonly #total: number;
  readonly #isTerminal = process.stdout.isTTY;
  #height = 0;
  #last = '';
  #lastS = Number.NEGATIVE_INFINITY;

  constructor(total: number) {
    this.#total = total;
  }

  draw({ seconds, look, lines }: Frame): void {
    if (this.#isTerminal) this.#redraw(this.#bars(seconds, look), lines);
    else this.#tell(seconds, look, lines);
  }

  /** Leaves the last picture as it is. */
  end(): void {
    process.stdout.write('\n');
    this.#height = 0;
  }

  #bars(seconds: number, { counts }: Look): string[] {
    const rows = STATES.map((state) => {
      const count = counts.get(state) ?? 0;
      const width = Math.ceil((count / this.#total) * BAR_WIDTH);
      return `  ${state.padEnd(NAME_WIDTH)} ${'█'.repeat(width)}${'·'.repeat(BAR_WIDTH - width)} ${String(count).padStart(4)}`;
    });
    return [`  ${this.#total} tokens, ${seconds.toFixed(1)} s`, '', ...rows, ''];
  }

  #redraw(bars: readonly string[], lines: readonly string[]): void {
    const all = [...bars, ...lines.map((line) => `  ${line}`)];
    // Up to where the last picture began; each line is cleared before it is written.
    const up = this.#height === 0 ? '' : `\u001b[${this.#height}A`;
    process.stdout.write(`${up}${all.map((line) => `\u001b[2K${line}`).join('\n')}\n`);
    this.#height = all.length;
  }

  #tell(seconds: number, { counts, underWay }: Look, lines: readonly string[]): void {
    const shown = STATES.map((state) => `${state} ${String(counts.get(state) ?? 0).padStart(3)}`).join('  ');
    const text = `${shown}  |  ${lines.join('  |  ')}`;
    if (text === this.#last || (seconds - this.#lastS < LINE_EACH_S && underWay > 0)) return;
    this.#last = text;
    this.#lastS = seconds;
    process.stdout.write(`${seconds.toFixed(2).padStart(6)} s  ${text}\n`);
  }
}
