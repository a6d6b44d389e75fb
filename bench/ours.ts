/**
 * Fovea as a side of a comparison: opens the device and times awaited calls of compiled functions. It knows nothing of
 * the peers.
 */
import * as fovea from "../src/index.js";
import * as nn from "../src/nn/index.js";
import * as optim from "../src/optim/index.js";
import * as vision from "../src/vision/index.js";
import type { DeviceName } from "./api.js";
import type { Api, ModelName } from "./models.js";
import type { PeerName } from "./report.js";
import type { Contestant } from "./rounds.js";

/** options of the command line. */
export interface BenchOptions {
  readonly device: DeviceName;
  /** Fewer rounds: for trying out, not for reporting. */
  readonly quick: boolean;
  /** Whom to compare with. */
  readonly peers: readonly PeerName[];
  /** What `startup` and `memory` run. */
  readonly model: ModelName;
  /** The folder of images that `loader` reads. */
  readonly data?: string;
}

/** The library from its sources, on the requested device. */
export async function openOurs({ device }: BenchOptions): Promise<Api> {
  await fovea.useDevice(device);
  return { fovea, nn, optim, vision };
}

type Results = fovea.Tensor | readonly fovea.Tensor[];

/**
 * A compiled call as a contestant: each repetition is `await call()` and nothing is left out. Results are freed within the
 * time, as the peers free theirs; what is done before each call is not timed.
 */
export function ourContestant(
  name: string,
  call: () => Promise<Results>,
  before: () => Promise<void> = async () => undefined,
): Contestant {
  return {
    name,
    side: "ours",
    run: async (steps) => {
      const times: number[] = [];
      for (let i = 0; i < steps; i++) {
        await before();
        const begin = performance.now();
        const results = await call();
        for (const tensor of "data" in results ? [results] : results) tensor[Symbol.dispose]();
        times.push(performance.now() - begin);
      }
      return times;
    },
  };
}

/** Throws unless both sides computed the same: a benchmark of a wrong result means nothing. */
export function requireSame(what: string, ours: number, theirs: number, tolerance: number): void {
  if (Math.abs(ours - theirs) <= tolerance * Math.abs(theirs)) return;
  throw new Error(`${what}: Fovea computes ${ours}, the other side ${theirs}`);
}
