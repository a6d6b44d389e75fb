/**
 * The same steps with the convolutions that the compiler chooses, Winograd's among them. With SGD the bounds are those of
 * direct sums. Adam divides each gradient by its own size, so an element that is nearly zero moves by as much as any other
 * and the last bits of a gradient decide where to: then only losses are compared.
 */
import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { fastDevices } from "../support/devices.js";
import { cases, follow, type Trajectory } from "./follow.js";

/** Largest relative difference of a loss that was seen: 2e-5. */
const LOSSES_WITHIN = 1e-4;

describe.each(fastDevices)("PyTorch's training on %s with Winograd's convolutions", (device) => {
  const titled = cases
    .filter(({ name }) => name.startsWith("cnn"))
    .map((each): [string, Trajectory] => [each.name, each]);
  it.each(titled)("%s", async (_, reference) => {
    await useDevice(device);
    await follow(reference, reference.optimizer === "SGD" ? undefined : LOSSES_WITHIN);
  });
});
