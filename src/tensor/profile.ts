/**
 * `profile`: runs a function as `compile` does, and reports the work, module paths and time of each of its kernels.
 * Must not know models or the presentation of the result.
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
  /** Name of the kernel given by the compiler. */
  readonly label: string;
  /** Time in each step in milliseconds. */
  readonly timesMs: readonly number[];
}

/** The profile of a function. */
export interface FunctionProfile {
  /** Kernels in the order of execution. */
  readonly kernels: readonly KernelProfile[];
  /** Time of each step from call to result in milliseconds. */
  readonly stepsMs: readonly number[];
  /** Bytes of the arena, the memory of temporaries. */
  readonly arenaBytes: number;
}

/** Options of `profile`. */
export interface ProfileOptions {
  /** Measured steps. Default 10, range ≥ 1. */
  readonly steps?: number;
  /** Steps before the measured ones. Default 3, range ≥ 0; one more step compiles. */
  readonly warmup?: number;
}

/**
 * Runs a function several times as one program, as `compile` does, and reports for each kernel its modules, arithmetic,
 * bytes and time. Variables that the function assigns change, as in training.
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
 * Profiles a function, and measures the peak rates of the device before and after it. Takes about two more seconds, in
 * which the machine should be idle.
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
