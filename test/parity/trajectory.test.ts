/**
 * Ten training steps beside PyTorch's, with convolutions summed directly. The network of the benchmarks runs on fast
 * devices only: it is too large to interpret.
 */
process.env.FOVEA_CONV = "direct";

import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { devices } from "../support/devices.js";
import { cases, follow, type Trajectory } from "./follow.js";

describe.each(devices)("PyTorch's training on %s", (device) => {
  const fitting = cases.filter(({ name }) => device !== "interp" || !name.startsWith("cnn"));
  const titled = fitting.map((each): [string, Trajectory] => [each.name, each]);
  it.each(titled)("%s", async (_, reference) => {
    await useDevice(device);
    await follow(reference);
  });
});
