/**
 * Random convolutions (stride, padding, dilation, groups, odd sizes), forward and both gradients, in the middle of a small
 * network, against the naive float64 of the oracle: most on emulated machines, some on the devices for use. Fixed seeds; failures are
 * shrunk by fast-check.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { conv2d, grad, type Tensor, tensor } from "../../src/index.js";
import { sizeOf } from "../support/arrays.js";
import { fastDevices } from "../support/devices.js";
import { compare, emulatedTargets } from "../support/emulator.js";
import { spreadValues } from "../support/numbers.js";
import { compareRounded } from "../support/terms.js";

const size = (most: number) => fc.integer({ min: 1, max: most });
const pairOf = (most: number) => fc.tuple(size(most), size(most));

const convolutions = fc
  .record({
    batch: size(3),
    // Groups and channels around the widths of vectors: less, the same, several, and no multiple.
    groups: fc.constantFrom(1, 2, 3, 5, 8, 16, 17, 32),
    inputs: fc.constantFrom(1, 1, 2, 3, 4, 8, 16),
    outputs: fc.constantFrom(1, 1, 2, 4, 5, 8, 16, 32),
    kernel: pairOf(5),
    extra: pairOf(8),
    stride: pairOf(3),
    dilation: pairOf(2),
    padding: fc.tuple(fc.nat(3), fc.nat(3)),
  })
  .filter(({ groups, inputs, outputs }) => groups * Math.max(inputs, outputs) <= 64);
type Convolution = typeof convolutions extends fc.Arbitrary<infer T> ? T : never;

const constants = (shape: readonly number[], seed: number) => tensor(spreadValues(sizeOf(shape), seed), { shape });

/** The result and both gradients; element-wise work before and behind, so that it is fused. */
function build({ batch, groups, inputs, outputs, kernel, extra, stride, dilation, padding }: Convolution): Tensor[] {
  const sides = [0, 1].map((i) => Math.max(1, dilation[i] * (kernel[i] - 1) + extra[i] - 2 * padding[i]));
  const x = constants([batch, groups * inputs, ...sides], 1);
  const w = constants([groups * outputs, inputs, ...kernel], 2);
  const pointwise = constants([groups * inputs, groups * inputs, 1, 1], 3).mul(1 / (groups * inputs));
  const image = conv2d(x, pointwise).relu();
  const y = conv2d(image, w, { stride, dilation, padding, groups }).add(0.25).relu();
  return [y, ...grad(y, [x, w], { gradOutput: constants(y.shape, 4) })];
}

/** Six convolutions in one program, each time on other machines. */
async function tryOut(
  seed: number,
  runs: number,
  devices: readonly string[],
  check: (device: string, work: () => Tensor[], key: string) => Promise<void>,
): Promise<void> {
  let turn = seed * runs;
  await fc.assert(
    fc.asyncProperty(fc.array(convolutions, { minLength: 6, maxLength: 6 }), async (some) => {
      const key = JSON.stringify(some);
      for (let i = 0; i < 2; i++) await check(devices[turn++ % devices.length], () => some.flatMap(build), key);
    }),
    { seed, numRuns: runs, endOnFailure: false },
  );
}

const emulated = emulatedTargets.map(({ name }) => name);

describe("random convolutions agree with the oracle", () => {
  it.each([1, 2, 3, 4, 5])("on emulated machines, seed %i", async (seed) => {
    await tryOut(seed, 5, emulated, (device, work, key) =>
      compare(device, work, { relative: 1e-6, absolute: 1e-6 }, key),
    );
  });

  // ReLUs that switch in one precision only are rare with these constants.
  it("on the devices for use", async () => {
    await tryOut(6, 2, fastDevices, compareRounded);
  });
});
