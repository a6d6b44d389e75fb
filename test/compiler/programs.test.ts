/**
 * Programs of real steps: how many kernels they have, where their memory lies, what is updated in place, and when a new
 * program is needed. A change of a kernel count is a change of fusion: lower is better, and the table follows.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { sizeOf } from "../../src/ir/dtype.js";
import type { Program } from "../../src/ir/program.js";
import { BatchNorm2d, Conv2d, Linear, MaxPool2d, type Module, ReLU, RNN, Sequential } from "../../src/nn/index.js";
import { Adam, AdamW, SGD } from "../../src/optim/index.js";
import { compile, full, ones, programCount, realize, type Tensor, Variable, zeros } from "../../src/tensor/index.js";
import { createModel, InvertedResidual } from "../../src/vision/index.js";
import type { RecordingDevice } from "./recorder.js";
import { programOf, record, stepOf } from "./steps.js";

let device: RecordingDevice;
beforeAll(async () => {
  device = await record();
});

const BATCH = 16;
const optimizers = {
  SGD: (model: Module) => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
  Adam: (model: Module) => new Adam(model.parameters(), { lr: 0.1 }),
  AdamW: (model: Module) => new AdamW(model.parameters(), { lr: 0.1 }),
};
type OptimizerName = keyof typeof optimizers;

/** Steps by name: the same step is compiled once only. */
const steps = new Map<string, Promise<Program>>();
function train(name: "mlp" | "cnn" | "lenet", optimizer: OptimizerName): Promise<Program> {
  const key = `${name} ${optimizer}`;
  const model = createModel(name, { classes: 10, inChannels: 1, size: 28 });
  const step = steps.get(key) ?? stepOf(device, model, optimizers[optimizer](model), [BATCH, 1, 28, 28]);
  steps.set(key, step);
  return step;
}

describe("kernels per program", () => {
  it.each([
    ["mlp", "SGD", 17],
    ["mlp", "AdamW", 17],
    ["cnn", "SGD", 24],
    ["cnn", "AdamW", 24],
  ] as const)("a training step of %s with %s has %i", async (name, optimizer, count) => {
    const { kernels } = await train(name, optimizer);
    expect(kernels.map(({ label }) => label)).toHaveLength(count);
  });

  it.each<[string, number, readonly number[], (x: Tensor) => Tensor]>([
    ["a chain of element-wise work", 1, [64, 100], (x) => x.mul(2).add(1).relu().exp().sub(x)],
    ["broadcasts, slices and reshapes", 1, [64, 100], (x) => x.slice(1, 10, 90).reshape([80, 64]).add(1).transpose()],
    ["a softmax of rows", 1, [64, 100], (x) => x.softmax(1)],
    ["a softmax across rows (maximum, exponentials, sum, division)", 4, [64, 100], (x) => x.softmax(0)],
    ["a sum over everything that is short", 1, [40, 40], (x) => x.square().sum()],
    ["a long sum: splits, and their sum", 2, [1024, 64], (x) => x.square().sum()],
    ["a mean square error", 1, [32, 10], (x) => x.sub(1).square().mean()],
    [
      "a matmul with bias and ReLU",
      1,
      [64, 100],
      (x) =>
        x
          .matmul(ones([100, 32]))
          .add(ones([32]))
          .relu(),
    ],
    ["max pooling", 1, [4, 8, 16, 16], (x) => new MaxPool2d(2)(x)],
  ])("%s: %i", async (_, count, shape, fn) => {
    const { kernels } = await programOf(device, [full([...shape], 0.5)], fn);
    expect(kernels.map(({ label }) => label)).toHaveLength(count);
  });

  it("sums over the same large value share a pass: its elements, the splits of both sums, and both sums", async () => {
    const { kernels } = await programOf(device, [full([64, 1024], 0.5)], (x) => {
      const y = x.exp();
      return [y.sum({ dim: 1 }), y.mul(x).sum({ dim: 1 })];
    });
    expect(kernels.map(({ label }) => label)).toEqual(["map_exp_64x1024", "sum_16x64_and_1_more", "sum_64_and_1_more"]);
  });

  it("batch normalisation in training: mean, variance, and one pass that also updates the statistics", async () => {
    const layer = new BatchNorm2d(16);
    const { kernels } = await programOf(device, [zeros([8, 16, 10, 10])], (x) => layer(x));
    expect(kernels.map(({ label }) => label)).toHaveLength(3);
  });

  it("convolution, batch normalisation, ReLU", async () => {
    const conv = new Conv2d(16, 16, 3, { padding: 1, bias: false });
    const model = new Sequential(conv, new BatchNorm2d(16), new ReLU());
    await realize(...model.parameters());
    const { kernels } = await programOf(device, [zeros([16, 16, 10, 10])], (x) => model(x));
    // Weights are packed, the convolution sums its bands, then mean, variance, and one pass for the rest with the
    // running statistics. No kernel but the last reads what the convolution has stored.
    expect(kernels.map(({ label }) => label)).toHaveLength(5);
    const large = kernels.filter(({ buffers }) => buffers.some(({ elements }) => elements === 16 * 16 * 10 * 10));
    expect(large.map(({ label }) => label)).toEqual([
      expect.stringMatching(/^conv2d_16x16x10x10/),
      expect.stringMatching(/^map_relu_16x16x10x10/),
    ]);
  });

  it("a depthwise convolution with bias and ReLU6: weights are packed, and one kernel does the rest", async () => {
    const conv = new Conv2d(32, 32, 3, { padding: 1, groups: 32 });
    await realize(...conv.parameters());
    const { kernels } = await programOf(device, [zeros([4, 32, 8, 8])], (x) => conv(x).clamp({ min: 0, max: 6 }));
    expect(kernels.map(({ label }) => label)).toHaveLength(2);
  });

  it("convolutions in groups are never decomposed: an inverted residual has three, and five gradients", async () => {
    const model = new InvertedResidual(32, 32);
    await realize(...model.parameters());
    const { kernels } = await programOf(device, [zeros([4, 32, 8, 8])], (x) => {
      const loss = model(x).square().sum();
      loss.backward();
      return [loss, ...model.parameters().map(({ grad }) => grad!)];
    });
    const starting = (name: string) => kernels.filter(({ label }) => label.startsWith(name)).length;
    expect([starting("conv2d"), starting("convWeightGrad")]).toEqual([5, 3]);
    // What a decomposition sums has the axes of its windows.
    expect(kernels.filter(({ label }) => /x3x3(_|$)/.test(label) && !label.startsWith("convWeightGrad"))).toEqual([]);
  });

  it("the gradient of a weight that is used in many steps needs memory for few of its terms", async () => {
    const arenaBytes = async (T: number) => {
      const layer = new RNN(4, 64);
      await realize(...layer.parameters());
      const program = await programOf(device, [zeros([T, 1, 4])], (x) => {
        layer(x).hidden.sum().backward();
        return layer.weightHhL0.grad;
      });
      return program.arenaBytes;
    };
    expect((await arenaBytes(12)) - (await arenaBytes(6))).toBeLessThan(64 * 64 * 4);
  });

  it("an AdamW step alone makes parameter and moments in shared kernels", async () => {
    const layer = new Linear(64, 64);
    const optimizer = new AdamW(layer.parameters(), { lr: 0.1 });
    await realize(...layer.parameters());
    const { kernels } = await programOf(device, [zeros([64, 64]), zeros([64])], (weight, bias) => {
      [layer.weight.grad, layer.bias!.grad] = [weight, bias];
      optimizer.step();
    });
    expect(kernels.map(({ label }) => label).length).toBeLessThanOrEqual(2);
  });
});

const bytesOf = ({ kernels }: Program, kernel: number, buffer: number): number => {
  const { elements, dtype } = kernels[kernel].buffers[buffer];
  return elements * sizeOf(dtype);
};

describe.each([
  ["mlp", "SGD"],
  ["cnn", "SGD"],
  ["cnn", "AdamW"],
  ["lenet", "Adam"],
] as const)("memory of a training step of %s with %s", (name, optimizer) => {
  let program: Program;
  beforeAll(async () => {
    program = await train(name, optimizer);
  });

  it("never overwrites what is still to be read", () => {
    // What lies where in the arena: the last writer of each region, replayed step by step.
    let regions: { from: number; to: number }[] = [];
    for (const { kernel, slots } of program.steps) {
      const { buffers, label } = program.kernels[kernel];
      const own = slots.flatMap((slot, i) =>
        slot.kind === "arena"
          ? [{ from: slot.offset, to: slot.offset + bytesOf(program, kernel, i), access: buffers[i].access }]
          : [],
      );
      for (const a of own) {
        expect(a.to, label).toBeLessThanOrEqual(program.arenaBytes);
        for (const b of own) expect(a === b || a.to <= b.from || b.to <= a.from, label).toBe(true);
        if (a.access === "read")
          expect(
            regions.some((r) => r.from === a.from && r.to === a.to),
            label,
          ).toBe(true);
      }
      const written = own.filter(({ access }) => access === "write");
      const intact = regions.filter((r) => written.every((w) => w.to <= r.from || r.to <= w.from));
      regions = [...intact, ...written];
    }
  });

  it("needs less than all temporaries together", () => {
    const sizes = new Map<string, number>();
    program.steps.forEach(({ kernel, slots }, step) => {
      slots.forEach((slot, i) => {
        if (slot.kind === "arena" && program.kernels[kernel].buffers[i].access === "write")
          sizes.set(`${step} ${i}`, bytesOf(program, kernel, i));
      });
    });
    const sum = [...sizes.values()].reduce((a, b) => a + b, 0);
    expect(program.arenaBytes).toBeGreaterThan(0);
    expect(program.arenaBytes).toBeLessThan(sum);
  });

  it("updates every parameter and moment in place", () => {
    const [loss, ...state] = program.inPlace;
    expect(loss).toBeNull();
    expect(state).not.toContain(null);
    expect(new Set(state).size).toBe(state.length);
    const parameters = { mlp: 6, cnn: 8, lenet: 10 }[name];
    const perParameter = optimizer === "SGD" ? 2 : 3;
    expect(state.length).toBeGreaterThanOrEqual(parameters * perParameter);
  });

  it("reads what is updated in place before it is overwritten", () => {
    const overwritten = new Set<number>();
    for (const { slots } of program.steps) {
      for (const slot of slots) if (slot.kind === "leaf") expect(overwritten).not.toContain(slot.leaf);
      for (const slot of slots) {
        const leaf = slot.kind === "output" ? program.inPlace[slot.output] : null;
        if (leaf !== null) overwritten.add(leaf);
      }
    }
  });

  it("writes every output once", () => {
    const written = program.steps.flatMap(({ kernel, slots }) =>
      slots.flatMap((slot, i) =>
        slot.kind === "output" && program.kernels[kernel].buffers[i].access === "write" ? [slot.output] : [],
      ),
    );
    expect([...written].sort((a, b) => a - b)).toEqual(program.outputs.map((_, i) => i));
  });
});

describe("programs are cached by structure", () => {
  it("a graph that is rebuilt needs no new program, one of another shape does", async () => {
    const x = full([8, 8], 2);
    await realize(x);
    const run = (y: Tensor, times: number): Promise<void> => {
      let value = y;
      for (let i = 0; i < times; i++) value = value.mul(1.5).add(y);
      return realize(value.sum());
    };
    const counts: number[] = [];
    for (const times of [1, 2, 3, 1, 2, 3, 3, 2, 1]) {
      await run(x, times);
      counts.push(programCount());
    }
    const [first] = counts;
    expect(counts.map((count) => count - first)).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 2]);
  });

  it("values that differ are inputs; constants of the graph are not", async () => {
    const before = programCount();
    for (const value of [1, 2, 3]) {
      const x = new Variable(zeros([4]));
      x.load([value, value, value, value]);
      await realize(x.mul(3).exp());
    }
    expect(programCount() - before).toBe(1);
    for (const factor of [4, 5]) await realize(new Variable(zeros([4])).mul(factor).exp());
    expect(programCount() - before).toBeGreaterThan(2);
  });

  it("a new learning rate needs no new program", async () => {
    const layer = new Linear(4, 2);
    const optimizer = new AdamW(layer.parameters(), { lr: 0.1 });
    const x = zeros([3, 4]);
    await realize(x, ...layer.parameters());
    const step = compile((input: Tensor) => {
      optimizer.zeroGrad();
      const loss = layer(input).square().sum();
      loss.backward();
      optimizer.step();
      return loss;
    });
    await step(x);
    await step(x);
    const [programs, count] = [device.programs.length, programCount()];
    for (const lr of [0.05, 0.01, 0, 1]) {
      optimizer.lr = lr;
      await step(x);
    }
    expect(device.programs).toHaveLength(programs);
    expect(programCount()).toBe(count);
  });

  it("dynamic control flow settles after each path was seen once", async () => {
    const x = full([16], 1);
    await realize(x);
    const counts: number[] = [];
    for (let i = 0; i < 12; i++) {
      const y = i % 3 === 0 ? x.exp() : i % 3 === 1 ? x.log().mul(2) : x.sum();
      await realize(y);
      counts.push(programCount());
    }
    expect(new Set(counts.slice(2)).size).toBe(1);
  });
});
