/**
 * `profile`: runs a function as `compile` does and tells what each of its kernels did, for which modules, and how long it
 * took. It must not know models, nor how the result is shown.
 */
import type { KernelWork, Program } from "../ir/program.js";
import { betterPeaks, measurePeaks, type Peaks } from "../runtime/index.js";
import { checked, takes } from "../util/arguments.js";
import { anything, callback, count, list } from "../util/kinds.js";
import { compileProbed } from "./compile.js";
import { currentContext, currentDevice } from "./context.js";

export { bandwidthFor, type Peaks } from "../runtime/index.js";

/** A kernel of a profiled function. */
export interface KernelProfile extends KernelWork {
  /** What the compiler calls it. */
  readonly label: string;
  /** Its time in each of the steps, in milliseconds. */
  readonly timesMs: readonly number[];
}

/** What a function did. */
export interface FunctionProfile {
  /** In the order in which they run. */
  readonly kernels: readonly KernelProfile[];
  /** The time of each step, from the call to its result, in milliseconds. */
  readonly stepsMs: readonly number[];
  /** Memory of what does not outlive a step. */
  readonly arenaBytes: number;
}

/** How often a function is run to be profiled. */
export interface ProfileOptions {
  /** Steps that are measured. Default 10, range ≥ 1. */
  readonly steps?: number;
  /** Steps before them that are not. Default 3, range ≥ 0; another one always compiles. */
  readonly warmup?: number;
}

/**
 * Runs a function several times as one program, as `compile` does, and tells what each kernel did: for which modules, how
 * much arithmetic, how many bytes, and how long. Variables that the function assigns change, as in training.
 *
 * @param fn - synchronous; takes tensors
 * @param args - its arguments, the same in every step
 * @throws ConfigError if an option is out of range
 * @example
 * const { kernels } = await profile((x: Tensor) => model(x), [zeros([8, 1, 28, 28])], { steps: 2, warmup: 0 });
 * kernels.map(({ anchors, timesMs }) => `${anchors[0].path} ${Math.min(...timesMs)} ms`);
 */
export const profile = checked(
  "profile",
  takes<ProfileOptions>(
    { fn: callback, args: list(anything, "an array of arguments") },
    { steps: count(), warmup: count(0) },
  ),
  async <A extends unknown[]>(
    fn: (...args: A) => unknown,
    args: A,
    { steps = 10, warmup = 3 }: ProfileOptions = {},
  ): Promise<FunctionProfile> => {
    const runs: (readonly number[])[] = [];
    let program: Program | undefined;
    const step = compileProbed(fn, {}, (made, timesMs) => {
      program = made;
      runs.push(timesMs);
    });
    const context = currentContext();
    const stepsMs: number[] = [];
    for (let i = 0; i <= warmup + steps; i++) {
      const startMs = performance.now();
      await step(...args);
      await context.finish();
      stepsMs.push(performance.now() - startMs);
    }
    const timed = runs.slice(-steps);
    const kernels = (program?.work ?? []).map((work, i) => ({
      ...work,
      label: program?.kernels[i].label ?? "",
      timesMs: timed.map((timesMs) => timesMs[i]),
    }));
    return { kernels, stepsMs: stepsMs.slice(-steps), arenaBytes: program?.arenaBytes ?? 0 };
  },
);

/**
 * Profiles a function, and measures before and after it what the device in use does at most: two seconds more, in which
 * nothing else should run.
 */
export async function profileAgainstPeaks<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args: A,
  options: ProfileOptions = {},
): Promise<{ readonly made: FunctionProfile; readonly peaks: Peaks }> {
  const device = await currentDevice();
  const before = await measurePeaks(device);
  const made = await profile(fn, args, options);
  return { made, peaks: betterPeaks(before, await measurePeaks(device)) };
}
