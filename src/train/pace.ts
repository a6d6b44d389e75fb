/** How fast a run is and how long it will still take. It must not know what a step does. */

/** Counts steps against the clock; the very first step is left out, because it compiles. */
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

  /** What happened between two epochs does not count. */
  beginEpoch(): void {
    this.#last = performance.now();
    this.#epochImages = 0;
    this.#epochMs = 0;
    this.#epochWaitMs = 0;
  }

  /** A step of `images` samples has just ended; before it, the model waited `waitMs` for them. */
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

  /** Whether there was a step beside the first. */
  get isKnown(): boolean {
    return this.#steps > 1;
  }

  /** Over the epoch so far; 0 while nothing is known. */
  get imagesPerSecond(): number {
    return this.#epochMs > 0 ? (this.#epochImages / this.#epochMs) * 1000 : 0;
  }

  /** Share of the epoch so far in which there were no data, 0 to 1. */
  get waiting(): number {
    return this.#epochMs > 0 ? this.#epochWaitMs / this.#epochMs : 0;
  }

  /** For the steps that are left; 0 while nothing is known. */
  get secondsLeft(): number {
    const counted = this.#steps - 1;
    return counted > 0 ? ((this.#totalSteps - this.#steps) * this.#stepMs) / counted / 1000 : 0;
  }
}
