/** Throughput and remaining time of a run. It must not know what a step does. */

/** Measures the time per step; the first step of a run is left out, because it includes compilation. */
export class Pace {
  readonly #totalSteps: number;
  #steps = 0;
  #stepMs = 0;
  #epochImages = 0;
  #epochMs = 0;
  #epochWaitMs = 0;
  #last = 0;

  constructor(totalSteps: number) {
    this.#totalSteps = totalSteps;
  }

  /** Restarts the clock, so that scoring between two epochs does not count as training time. */
  beginEpoch(): void {
    this.#last = performance.now();
    this.#epochImages = 0;
    this.#epochMs = 0;
    this.#epochWaitMs = 0;
  }

  /** Records that a step of `images` samples has ended, for whose data the model waited `waitMs`. */
  step(images: number, waitMs: number): void {
    const now = performance.now();
    const ms = now - this.#last;
    this.#last = now;
    this.#steps++;
    if (!this.isKnown) return;
    this.#stepMs += ms;
    this.#epochMs += ms;
    this.#epochWaitMs += waitMs;
    this.#epochImages += images;
  }

  /** Whether a step after the first has been measured. */
  get isKnown(): boolean {
    return this.#steps > 1;
  }

  /** Throughput over the epoch so far; 0 until `isKnown`. */
  get imagesPerSecond(): number {
    return this.#epochMs > 0 ? (this.#epochImages / this.#epochMs) * 1000 : 0;
  }

  /** Share of the epoch so far in which the model waited for data, 0 to 1. */
  get waiting(): number {
    return this.#epochMs > 0 ? this.#epochWaitMs / this.#epochMs : 0;
  }

  /** Estimated time of the remaining steps; 0 until `isKnown`. */
  get secondsLeft(): number {
    const counted = this.#steps - 1;
    return counted > 0 ? ((this.#totalSteps - this.#steps) * this.#stepMs) / counted / 1000 : 0;
  }
}
