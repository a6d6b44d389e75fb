/**
 * Sums of batch normalisation that convolutions make of the bands they work on, against the oracle: what is summed where
 * on emulated machines, how many digits survive on the devices for use.
 */
import { describe, it } from "vitest";
import { ones, type Tensor, tensor } from "../../src/index.js";
import { BatchNorm2d, Conv2d, functional, Module, manualSeed, Sequential } from "../../src/nn/index.js";
import { fastDevices } from "../support/devices.js";
import { compare, dealt } from "../support/emulator.js";
import { spreadValues } from "../support/numbers.js";
import { compareRounded } from "../support/terms.js";

const input = (shape: readonly number[], offset = 0): Tensor =>
  tensor(
    spreadValues(
      shape.reduce((a, b) => a * b, 1),
      3,
    ),
    { shape },
  ).add(offset);

interface Case {
  readonly name: string;
  readonly x: readonly number[];
  /** Output channels, side of the kernel, stride, groups. */
  readonly conv: readonly [outputs: number, kernel: number, stride: number, groups?: number];
}

const cases: readonly Case[] = [
  { name: "3 × 3, whole vectors", x: [4, 16, 8, 8], conv: [16, 3, 1] },
  { name: "3 × 3, images that tiles do not divide", x: [3, 32, 13, 9], conv: [48, 3, 1] },
  { name: "3 × 3, large images in bands of which the last is shorter", x: [2, 32, 23, 20], conv: [16, 3, 1] },
  { name: "3 × 3, many images of few pixels", x: [24, 32, 4, 4], conv: [32, 3, 1] },
  { name: "1 × 1", x: [2, 32, 14, 14], conv: [48, 1, 1] },
  { name: "1 × 1 over many channels", x: [2, 288, 4, 4], conv: [32, 1, 1] },
  { name: "7 × 7 with a stride", x: [2, 3, 30, 34], conv: [16, 7, 2] },
  { name: "3 × 3 with a stride, channels that are no whole vectors", x: [2, 12, 17, 17], conv: [20, 3, 2] },
  { name: "one channel a group", x: [2, 48, 19, 15], conv: [48, 3, 1, 48] },
  { name: "four channels a group, with a stride", x: [2, 32, 16, 16], conv: [32, 3, 2, 8] },
  { name: "groups of whole vectors", x: [2, 64, 9, 9], conv: [64, 3, 1, 2] },
  { name: "fewer channels than lanes", x: [3, 3, 11, 10], conv: [5, 3, 1] },
];

class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** ReLU far from where it bends, since there the gradients of two devices differ: open for even channels, shut for odd. */
class Gate extends Module {
  override forward(x: Tensor): Tensor {
    const shift = Array.from({ length: x.shape[1] }, (_, channel) => (channel % 2 === 0 ? 5 : -5));
    return x.add(tensor(shift, { shape: [1, x.shape[1], 1, 1] })).relu();
  }
}

const convolution = (inputs: number, [outputs, kernel, stride, groups]: Case["conv"], bias: boolean) =>
  new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias, groups });

const dim = [0, 2, 3];

interface Sums {
  readonly name: string;
  readonly of: (a: Tensor, b: Tensor) => Tensor[];
}
const sums: readonly Sums[] = [
  {
    name: "of squared deviations in two passes",
    of: (a) => {
      const deviations = a.sub(a.mean({ dim, keepdim: true }));
      return [deviations.square().sum({ dim })];
    },
  },
  { name: "of a product of two convolutions", of: (a, b) => [a.mul(b).sum({ dim }), a, b] },
  {
    name: "of what follows, and of what follows from that",
    of: (a, b) => [a.relu().mul(b.exp()).sum({ dim }), a.sum({ dim })],
  },
  {
    name: "of what somebody else reads too",
    of: (a) => [a.exp().sum({ dim }), a.exp().add(1), a.exp().mean({ dim })],
  },
  { name: "of nothing but itself", of: (a) => [a.sum({ dim })] },
  { name: "over other axes as well", of: (a) => [a.sum({ dim }), a.sum({ dim: [0, 2] }), a.sum()] },
];

/** In float64 sums differ by their order alone, but Winograd's constants are f32: each product is off by some 1e-7. */
const SUMS = { relative: 1e-6, absolute: 1e-6 };
/** Sums over the pixels behind a batch norm cancel: terms of thousands of times the result, each off by as much. */
const GRADIENTS = { relative: 1e-5, absolute: 2e-5 };

describe("statistics behind a convolution on emulated machines", () => {
  it.each(dealt(cases, 2))("mean and variance: $entry.name, $device", async ({ entry: { x, conv, name }, device }) => {
    const work = () => {
      manualSeed(1);
      const y = convolution(x[1], conv, true)(input(x));
      return [y.mean({ dim }), y.variance({ dim, correction: 0 }), functional.batchNorm(y, { training: true })];
    };
    await compare(device, work, SUMS, `mean ${name}`);
  });

  it.each(dealt(cases, 3))(
    "gradients through a stack: $entry.name, $device",
    async ({ entry: { x, conv, name }, device }) => {
      const work = () => {
        manualSeed(1);
        const [outputs] = conv;
        const net = new Sequential(
          convolution(x[1], [x[1], x[1] > 64 ? 1 : 3, 1], false),
          new BatchNorm2d(x[1]),
          new Tanh(),
          convolution(x[1], conv, false),
          new BatchNorm2d(outputs),
          new Tanh(),
          convolution(outputs, [outputs, 1, 1], false),
          new BatchNorm2d(outputs),
        );
        return gradientsOf(net, input(x));
      };
      await compare(device, work, GRADIENTS, `stack ${name}`);
    },
  );

  it.each(dealt(["a residual block"], 6))(
    "gradients through $entry, whose sums are behind both branches, $device",
    async ({ entry, device }) => {
      const work = () => {
        manualSeed(1);
        const before = new Sequential(convolution(3, [16, 3, 1], false), new BatchNorm2d(16), new Gate());
        const main = new Sequential(
          convolution(16, [32, 3, 2], false),
          new BatchNorm2d(32),
          new Gate(),
          convolution(32, [32, 3, 1], false),
          new BatchNorm2d(32),
        );
        const shortcut = new Sequential(convolution(16, [32, 1, 2], false), new BatchNorm2d(32));
        const after = new Sequential(convolution(32, [32, 3, 1], false), new BatchNorm2d(32), new Gate());
        const x = before(input([4, 3, 12, 12]));
        const y = after(new Gate()(main(x).add(shortcut(x))));
        return backward(y, [before, main, shortcut, after]);
      };
      await compare(device, work, GRADIENTS, entry);
    },
  );

  it.each(dealt(sums, 3))("sums $entry.name, $device", async ({ entry: { name, of }, device }) => {
    const work = () => {
      manualSeed(1);
      const x = input([4, 16, 9, 10]).mul(0.2);
      return of(convolution(16, [32, 3, 1], true)(x), convolution(16, [32, 1, 1], true)(x));
    };
    await compare(device, work, SUMS, name);
  });
});

describe.each(fastDevices)("statistics behind a convolution on %s", (device) => {
  it("mean and variance of values far from zero lose no digits", async () => {
    const work = () => {
      manualSeed(1);
      const conv = convolution(16, [32, 3, 1], false);
      const y = conv(input([4, 16, 9, 9])).add(300);
      return [y.mean({ dim: [0, 2, 3] }), y.variance({ dim: [0, 2, 3], correction: 0 })];
    };
    await compareRounded(device, work);
  });

  it("a channel that is the same everywhere, and one that is not a number", async () => {
    const work = () => {
      const weights = Array.from({ length: 16 * 16 }, (_, i) => (i < 16 ? 0 : i < 32 ? Number.NaN : 1 / (i + 1)));
      const y = functional.conv2d(input([2, 16, 6, 6]), tensor(weights, { shape: [16, 16, 1, 1] }));
      return [y.mean({ dim: [0, 2, 3] }), y.variance({ dim: [0, 2, 3], correction: 0 })];
    };
    await compareRounded(device, work);
  });
});

function gradientsOf(net: Module, x: Tensor): Tensor[] {
  return backward(net(x), [net]);
}

/** Gradients of all parameters, and running statistics. */
function backward(y: Tensor, modules: readonly Module[]): Tensor[] {
  const weights = input(y.shape).mul(0.1).add(ones(y.shape));
  y.mul(weights).sum().backward();
  const gradients = modules.flatMap((module) => module.parameters().map(({ grad }) => grad ?? ones([1])));
  const statistics = modules.flatMap((module) =>
    Object.entries(module.stateDict()).flatMap(([name, value]) => (name.includes("running") ? [value] : [])),
  );
  return [...gradients, ...statistics.map((value) => value.mul(1))];
}
