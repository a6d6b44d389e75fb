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
  { name: "3 × 3, large images in bands of which the last is shorter", x: [2, 128, 45, 40], conv: [16, 3, 1] },
  { name: "3 × 3, many images of few pixels", x: [40, 64, 4, 4], conv: [64, 3, 1] },
  { name: "1 × 1", x: [2, 32, 14, 14], conv: [48, 1, 1] },
  { name: "1 × 1 over many channels", x: [2, 288, 7, 7], conv: [32, 1, 1] },
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

describe.each(fastDevices)("statistics behind a convolution on %s", (device) => {
  it.each(cases)("mean and variance: $name", async ({ x, conv }) => {
    const work = () => {
      manualSeed(1);
      const y = convolution(x[1], conv, true)(input(x));
      return [y.mean({ dim }), y.variance({ dim, correction: 0 }), functional.batchNorm(y, { training: true })];
    };
    await compare(device, work, 3e-5);
  });

  it("mean and variance of values far from zero lose no digits", async () => {
    const work = () => {
      manualSeed(1);
      const conv = convolution(16, [32, 3, 1], false);
      const y = conv(input([4, 16, 9, 9])).add(300);
      return [y.mean({ dim: [0, 2, 3] }), y.variance({ dim: [0, 2, 3], correction: 0 })];
    };
    await compare(device, work, 3e-4); // 300 has 2 ** -15 between numbers in single precision, deviations are about 0.5
  });

  it.each(cases)("gradients through a stack: $name", async ({ x, conv }) => {
    const work = () => {
      manualSeed(1);
      const [outputs] = conv;
      const net = new Sequential(
        convolution(x[1], [x[1], 3, 1], false),
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
    await compare(device, work, 2e-4);
  });

  it("gradients through a residual block, whose sums are behind both branches", async () => {
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
    await compare(device, work, 1e-3);
  });

  it.each<[string, (a: Tensor, b: Tensor) => Tensor[]]>([
    [
      "of squared deviations in two passes",
      (a) => [
        a
          .sub(a.mean({ dim, keepdim: true }))
          .square()
          .sum({ dim }),
      ],
    ],
    ["of a product of two convolutions", (a, b) => [a.mul(b).sum({ dim }), a, b]],
    ["of what follows, and of what follows from that", (a, b) => [a.relu().mul(b.exp()).sum({ dim }), a.sum({ dim })]],
    ["of what somebody else reads too", (a) => [a.exp().sum({ dim }), a.exp().add(1), a.exp().mean({ dim })]],
    ["of nothing but itself", (a) => [a.sum({ dim })]],
    ["over other axes as well", (a) => [a.sum({ dim }), a.sum({ dim: [0, 2] }), a.sum()]],
  ])("sums %s", async (_, sums) => {
    const work = () => {
      manualSeed(1);
      const x = input([4, 16, 9, 10]).mul(0.2);
      return sums(convolution(16, [32, 3, 1], true)(x), convolution(16, [32, 1, 1], true)(x));
    };
    await compare(device, work, 2e-5);
  });

  it("a channel that is the same everywhere, and one that is not a number", async () => {
    const work = () => {
      const weights = Array.from({ length: 16 * 16 }, (_, i) => (i < 16 ? 0 : i < 32 ? Number.NaN : 1 / (i + 1)));
      const y = functional.conv2d(input([2, 16, 6, 6]), tensor(weights, { shape: [16, 16, 1, 1] }));
      return [y.mean({ dim: [0, 2, 3] }), y.variance({ dim: [0, 2, 3], correction: 0 })];
    };
    await compare(device, work, 1e-5);
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

async function compare(device: string, work: () => Tensor[], share: number): Promise<void> {
  await useDevice("interp");
  const wanted = await valuesOf(work());
  await useDevice(device);
  const found = await valuesOf(work());
  expect(found).toHaveLength(wanted.length);
  found.forEach((values, i) => {
    const largest = wanted[i].reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0);
    expectAgreement(values, wanted[i], { relative: share, absolute: share * Math.max(1, largest) }, `tensor ${i}`);
  });
}
