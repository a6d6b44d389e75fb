/**
 * Random convolutions (stride, padding, dilation, groups, odd sizes), forward and both gradients, in the middle of a small
 * network, on fast devices against the naive float64 of `interp`. Fixed seeds; failures are shrunk by fast-check.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { conv2d, grad, type Tensor, tensor, useDevice } from "../../src/index.js";
import { sizeOf } from "../support/arrays.js";
import { fastDevices, valuesOf } from "../support/devices.js";
import { expectAgreement, spreadValues } from "../support/numbers.js";

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

/** Sums of up to a few thousand products; ReLUs that switch in one precision only are rare with these constants. */
const TOLERANCE = { relative: 1e-4, absolute: 1e-5 };

describe("random convolutions", () => {
  it.each([1, 2, 3, 4])("agree on every device, seed %i", async (seed) => {
    await fc.assert(
      fc.asyncProperty(fc.array(convolutions, { minLength: 6, maxLength: 6 }), async (some) => {
        const buildAll = () => some.flatMap(build);
        await useDevice("interp");
        const expected = await valuesOf(buildAll());
        for (const device of fastDevices) {
          await useDevice(device);
          const found = await valuesOf(buildAll());
          found.forEach((values, i) => {
            const scale = Math.max(1, ...expected[i].map(Math.abs));
            const tolerance = { ...TOLERANCE, absolute: TOLERANCE.absolute * scale };
            const part = ["result", "gradient of x", "gradient of w"][i % 3];
            expectAgreement(
              values,
              expected[i],
              tolerance,
              `${JSON.stringify(some[Math.floor(i / 3)])} ${part} on ${device}`,
            );
          });
        }
      }),
      { seed, numRuns: 3, endOnFailure: false },
    );
  });
});
