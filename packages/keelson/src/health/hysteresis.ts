/** Hysteresis: readiness changes after several looks, so that one that fails does not send the traffic of a well process elsewhere. */

/** How soon readiness changes. */
export interface HysteresisOptions {
  /** After so many failed looks in a row it is lost; 3. */
  readonly failuresMax?: number | undefined;
  /** Or when looks have failed for so long, 10,000: for those who look seldom. */
  readonly failingMs?: number | undefined;
  /** After so many good looks in a row it is back; 2. */
  readonly successesMin?: number | undefined;
}

/** Whether a service may take traffic, by the looks so far. */
export class Hysteresis {
  readonly #failuresMax: number;
  readonly #failingMs: number;
  readonly #successesMin: number;
  /** Unknown until the first look, which decides alone. */
  #isUp: boolean | undefined;
  #failures = 0;
  #successes = 0;
  #failingSinceMs = 0;

  constructor({ failuresMax = 3, failingMs = 10_000, successesMin = 2 }: HysteresisOptions = {}) {
    this.#failuresMax = failuresMax;
    this.#failingMs = failingMs;
    this.#successesMin = successesMin;
  }

  /** Whether traffic may come. */
  get isUp(): boolean {
    return this.#isUp ?? false;
  }

  /** Takes in what a look found. */
  note(isWell: boolean, nowMs: number): void {
    if (this.#isUp === undefined) this.#isUp = isWell;
    if (isWell) this.#well();
    else this.#ill(nowMs);
  }

  #well(): void {
    this.#failures = 0;
    this.#successes += 1;
    if (this.#successes >= this.#successesMin) this.#isUp = true;
  }

  #ill(nowMs: number): void {
    this.#successes = 0;
    if (this.#failures === 0) this.#failingSinceMs = nowMs;
    this.#failures += 1;
    if (this.#failures >= this.#failuresMax || nowMs - this.#failingSinceMs >= this.#failingMs) this.#isUp = false;
  }
}
