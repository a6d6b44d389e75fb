/**
 * Direct convolutions of more images than there are tasks: a task copies one after the other into the same place, whose
 * border of zeros is written once. Forward and both gradients, on emulated machines against the oracle.
 */
import { describe, it } from "vitest";
import { conv2d, grad, type Tensor, tensor } from "../../src/index.js";
import { sizeOf } from "../support/arrays.js";
import { compare, dealt } from "../support/emulator.js";
import { spreadValues } from "../support/numbers.js";

interface Case {
  readonly name: string;
  readonly image: readonly [batch: number, channels: number, height: number, width: number];
  readonly outputs: number;
  /** Not 3 × 3 with stride 1: those may become Winograd's. */
  readonly kernel: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly stride: number;
}

const cases: readonly Case[] = [
  { name: "one block", image: [70, 16, 6, 8], outputs: 16, kernel: [5, 3], padding: [2, 1], stride: 1 },
  { name: "several blocks", image: [67, 32, 4, 4], outputs: 64, kernel: [5, 3], padding: [2, 1], stride: 1 },
  { name: "a stride", image: [66, 32, 7, 6], outputs: 32, kernel: [3, 3], padding: [1, 1], stride: 2 },
  { name: "a border on one axis", image: [65, 16, 5, 9], outputs: 32, kernel: [1, 3], padding: [0, 1], stride: 1 },
  {
    name: "a border wider than images",
    image: [64, 16, 2, 3],
    outputs: 16,
    kernel: [7, 7],
    padding: [3, 3],
    stride: 1,
  },
];

const constants = (shape: readonly number[], seed: number) => tensor(spreadValues(sizeOf(shape), seed), { shape });

/** The result and both gradients; the image comes from a convolution, so its channels lie side by side. */
function build({ image, outputs, kernel, padding, stride }: Case): Tensor[] {
  const channels = image[1];
  const pointwise = constants([channels, channels, 1, 1], 3).mul(1 / channels);
  const x = conv2d(constants(image, 1), pointwise);
  const w = constants([outputs, channels, ...kernel], 2);
  const y = conv2d(x, w, { padding: [...padding], stride });
  return [y.tanh(), ...grad(y, [x, w], { gradOutput: constants(y.shape, 4) })];
}

describe("convolutions of many images", () => {
  it.each(dealt(cases, 5))("$entry.name, $device", async ({ entry, device }) => {
    await compare(device, () => build(entry), { relative: 1e-6, absolute: 1e-6 }, entry.name);
  });
});
