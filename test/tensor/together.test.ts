/** Reductions that share a pass over the same elements, against the same on the reference. */
import { describe, it } from "vitest";
import { type Tensor, tensor } from "../../src/index.js";
import { fastDevices } from "../support/devices.js";
import { spreadValues } from "../support/numbers.js";
import { compareRounded } from "../support/terms.js";

/** Values that are stored once and read by all sums. */
function source(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(spreadValues(size, 1), { shape }).mul(0.1).exp();
}

const cases: readonly (readonly [name: string, shape: readonly number[], sums: (x: Tensor) => Tensor[]])[] = [
  [
    "sums over pixels, as normalisation has them backwards",
    [4, 16, 33, 31],
    (x) => [x.sum({ dim: [0, 2, 3] }), x.square().sum({ dim: [0, 2, 3] })],
  ],
  [
    "sums along rows that are no whole vectors",
    [300, 131],
    (x) => [x.sum({ dim: 1 }), x.mul(x.add(1)).sum({ dim: 1 })],
  ],
  ["sums along columns", [515, 67], (x) => [x.sum({ dim: 0 }), x.sub(1).sum({ dim: 0 }), x.square().sum({ dim: 0 })]],
  ["a sum and a largest element", [64, 1030], (x) => [x.sum({ dim: 1 }), x.max({ dim: 1 })]],
  ["more than share a pass", [48, 1000], (x) => [1, 2, 3, 4, 5].map((factor) => x.mul(x.add(factor)).sum({ dim: 1 }))],
  ["sums of different axes", [40, 30, 50], (x) => [x.sum({ dim: 0 }), x.sum({ dim: 1 }), x.sum({ dim: 2 })]],
];

describe.each(fastDevices)("reductions of the same elements on %s", (device) => {
  it.each(cases)("%s", async (_, shape, sums) => {
    await compareRounded(device, () => sums(source(shape)));
  });
});
