/**
 * One training run from fresh weights: steps, tests in between, predictions at any time. It must not know how any of it
 * is shown.
 */
import { compile, noGrad, type Tensor, tensor } from "fovea";
import { DataLoader, randomAffine } from "fovea/data";
import { functional, manualSeed } from "fovea/nn";
import { cosine, SGD, warmup } from "fovea/optim";
import { createModel } from "fovea/vision";
import { type Digits, SHAPE } from "./digits.js";

/** A value after so many steps. */
export type Point = readonly [step: number, value: number];
export type Phase = "ready" | "compiling" | "training" | "paused" | "finished" | "stopped" | "failed";

export const EPOCHS = 10;
const BATCH = 64;
const RECIPE = { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 } as const;
/** How many steps lie between two tests. */
const TEST_EVERY = 32;
/** The speed is that of so many steps. */
const PACE_STEPS = 24;

export class Run {
  phase: Phase = "ready";
  error: unknown;
  step = 0;
  /** Images per second of the last steps, tests left out; 0 while unknown. */
  imagesPerSecond = 0;
  readonly steps: number;
  readonly losses: Point[] = [];
  /** Shares of right answers, 0 to 1. */
  readonly accuracies: Point[] = [];
  readonly #digits: Digits;
  readonly #changed: () => void;
  readonly #batches: DataLoader;
  readonly #tests: DataLoader;
  readonly #learn: (x: Tensor, y: Tensor) => Promise<Tensor>;
  readonly #countRight: (x: Tensor, y: Tensor) => Promise<Tensor>;
  readonly #classify: (x: Tensor) => Promise<Tensor>;
  #resume: (() => void) | undefined;

  /** @param changed is called after every step, test and change of phase. */
  constructor(digits: Digits, changed: () => void) {
    this.#digits = digits;
    this.#changed = changed;
    const augment = randomAffine({ rotation: 10, scale: 0.1, shift: 2 });
    this.#batches = new DataLoader(digits.train, { batchSize: BATCH, shuffle: true, dropLast: true, augment });
    this.#tests = new DataLoader(digits.test, { batchSize: 250 });
    this.steps = EPOCHS * this.#batches.length;
    manualSeed(0);
    const [inChannels, height, width] = SHAPE;
    const model = createModel("cnn", { classes: 10, inChannels, size: [height, width] });
    const warmupSteps = this.#batches.length;
    const lr = warmup(cosine(RECIPE.lr, this.steps - warmupSteps), warmupSteps);
    const optimizer = new SGD(model.parameters(), { ...RECIPE, lr });
    this.#learn = compile((x: Tensor, y: Tensor) => {
      const loss = functional.crossEntropy(model(x), y);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss.detach();
    });
    this.#countRight = compile((x: Tensor, y: Tensor) =>
      noGrad(() => model(x).argmax({ dim: 1 }).eq(y).to("f32").sum()),
    );
    this.#classify = compile((x: Tensor) => noGrad(() => model(x).softmax(1)));
  }

  get epoch(): number {
    return Math.min(EPOCHS, Math.floor(this.step / this.#batches.length) + 1);
  }

  get secondsLeft(): number {
    return this.imagesPerSecond > 0 ? ((this.steps - this.step) * BATCH) / this.imagesPerSecond : 0;
  }

  /** Begins, or goes on after a pause. */
  start(): void {
    if (this.phase === "ready") {
      this.#enter("compiling");
      this.#work().catch((error: unknown) => {
        this.error = error;
        this.#enter("failed");
      });
    } else if (this.phase === "paused") {
      this.#enter("training");
      this.#resume?.();
    }
  }

  /** Takes effect after the step at hand. */
  pause(): void {
    if (this.phase === "training") this.#enter("paused");
  }

  /** Ends it for good. */
  stop(): void {
    this.#enter("stopped");
    this.#resume?.();
  }

  /** Probability of each digit, [10], by the weights of now. */
  async classify(pixels: Uint8Array): Promise<ArrayLike<number>> {
    const x = tensor(this.#digits.standardise(pixels), { shape: [1, ...SHAPE] });
    return (await this.#classify(x)).data();
  }

  #enter(phase: Phase): void {
    this.phase = phase;
    this.#changed();
  }

  /** Whether to go on; waits while paused. */
  async #mayGoOn(): Promise<boolean> {
    while (this.phase === "paused") {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    return this.phase !== "stopped";
  }

  async #work(): Promise<void> {
    // The first step compiles on this thread; the page shall say so before.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stepsMs: number[] = [];
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      for await (const { x, y } of this.#batches.epoch(epoch)) {
        if (!(await this.#mayGoOn())) return;
        const startMs = performance.now();
        const loss = await (await this.#learn(x, y)).item();
        this.step++;
        if (!Number.isFinite(loss)) throw new Error(`The loss became ${loss} in step ${this.step}`);
        this.losses.push([this.step, loss]);
        if (this.step > 1) stepsMs.push(performance.now() - startMs); // the first one compiled
        const last = stepsMs.slice(-PACE_STEPS);
        if (last.length > 2) this.imagesPerSecond = (1000 * BATCH * last.length) / last.reduce((a, b) => a + b, 0);
        if (this.phase === "compiling") this.#enter("training");
        if (this.step % TEST_EVERY === 0 || this.step === this.steps) await this.#test();
        this.#changed();
      }
    }
    this.#enter("finished");
  }

  async #test(): Promise<void> {
    let right = 0;
    for await (const { x, y } of this.#tests.epoch(0)) {
      if (this.phase === "stopped") return;
      right += await (await this.#countRight(x, y)).item();
    }
    this.accuracies.push([this.step, right / this.#tests.dataset.length]);
  }
}
