/** What a profile says of kernels: whose work they are, how much it is, and that labels never disturb programs. */
import { beforeAll, describe, expect, it } from "vitest";
import { structureKey } from "../../src/compiler/structure-key.js";
import type { Node } from "../../src/ir/graph.js";
import { BatchNorm2d, Conv2d, countFlops, functional, Linear, Module, ReLU, Sequential } from "../../src/nn/index.js";
import { graph, structuralNames, structuralRecord } from "../../src/ops/index.js";
import { SGD } from "../../src/optim/index.js";
import {
  compile,
  type FunctionProfile,
  profile,
  programCount,
  type Role,
  realize,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.js";
import { withOrigin, withScope } from "../../src/util/scope.js";
import { leaf } from "../compiler/graphs.js";
import type { RecordingDevice } from "../compiler/recorder.js";
import { record } from "../compiler/steps.js";

let device: RecordingDevice;
beforeAll(async () => {
  device = await record();
});

/** Two 3 × 3 convolutions around which the input passes, through a 1 × 1 convolution if it changes size. */
class Block extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Conv2d | null;

  constructor(channels: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(channels, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.downsample = stride === 1 ? null : new Conv2d(channels, width, 1, { stride, bias: false });
  }

  override forward(x: Tensor): Tensor {
    const inner = this.bn1(this.conv1(x)).relu();
    const residual = this.bn2(this.conv2(inner));
    return residual.add(this.downsample ? this.downsample(x) : x).relu();
  }
}

class ResidualNet extends Module {
  readonly conv1 = new Conv2d(3, 16, 3, { padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(16);
  readonly blocks = new Sequential(new Block(16, 16, 1), new Block(16, 32, 2));
  readonly fc = new Linear(32, 10);

  override forward(x: Tensor): Tensor {
    const images = this.blocks(this.bn1(this.conv1(x)).relu());
    return this.fc(images.mean({ dim: [2, 3] }));
  }
}

const BATCH = 8;
const once = { steps: 1, warmup: 0 };

async function stepOf(model: Module, shape: readonly number[]): Promise<FunctionProfile> {
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const [x, y] = [zeros([...shape]), tensor(new Int32Array(shape[0]))];
  await realize(x, y);
  const step = (a: Tensor, b: Tensor) => {
    optimizer.zeroGrad();
    const logits = model(a);
    const loss = withScope("loss", () => functional.crossEntropy(logits, b));
    loss.backward();
    optimizer.step();
    return loss.detach();
  };
  return profile(step, [x, y], once);
}

/** The roles of the kernels whose anchor a module is, sorted. */
const rolesOf = ({ kernels }: FunctionProfile, path: string): Role[] =>
  [
    ...new Set(kernels.flatMap(({ anchors }) => anchors.filter((one) => one.path === path).map(({ role }) => role))),
  ].sort();

describe("a training step of a residual network", () => {
  const model = new ResidualNet();
  let made: FunctionProfile;
  beforeAll(async () => {
    made = await stepOf(model, [BATCH, 3, 16, 16]);
  });

  const all = model.namedModules().map(([path, module]) => ({ path, name: module.constructor.name }));
  const convolutions = all.filter(({ name }) => name === "Conv2d").map(({ path }) => path);

  it("has convolutions", () => expect(convolutions).toHaveLength(6));

  it.each(convolutions)("%s: forward, weight gradient, and input gradient unless it is the first", (path) => {
    const expected = path === "conv1" ? [] : ["input gradient"];
    const roles = rolesOf(made, `model.${path}`).filter((role) => role !== "update");
    expect(roles).toEqual(["forward", ...expected, "weight gradient"]);
  });

  it("has norms and a classifier with all three", () => {
    for (const { path } of all.filter(({ name }) => /BatchNorm2d|Linear/.test(name))) {
      expect(rolesOf(made, `model.${path}`)).toEqual(expect.arrayContaining(["forward", "input gradient"]));
    }
    expect(rolesOf(made, "model.fc")).toContain("weight gradient");
  });

  it("updates every layer that has parameters", () => {
    const updated = made.kernels.flatMap(({ anchors, fused }) =>
      [...anchors, ...fused].filter(({ role }) => role === "update").map(({ path }) => path),
    );
    const layers = new Set(model.namedParameters().map(([key]) => `model.${key.replace(/\.\w+$/, "")}`));
    expect([...new Set(updated)].sort()).toEqual([...layers].sort());
  });

  it("says of every kernel whose work it is", () => {
    const unknown = made.kernels.filter(({ anchors, fused }) => {
      return anchors.length === 0 || [...anchors, ...fused].some(({ path }) => !/^(model\b|loss$)/.test(path));
    });
    expect(unknown.map(({ label }) => label)).toEqual([]);
  });

  it("counts a convolution three times, the first one twice", () => {
    const total = made.kernels.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
    const first = 3 * 16 * 9 * 16 * 16;
    expect(total).toBe(BATCH * (3 * countFlops(model, [1, 3, 16, 16]) - first));
  });

  it("is told what is fused into a kernel", () => {
    const add = made.kernels.find(({ fused }) => fused.some(({ path }) => path === "model.blocks.0"));
    expect(add?.anchors[0].path).toMatch(/^model\.blocks\./);
  });
});

it("Winograd's convolutions count as what they stand for", async () => {
  const model = new ResidualNet();
  const direct = await stepOf(model, [BATCH, 3, 16, 16]);
  Object.assign(device.target, { winograd: true });
  try {
    const fast = await stepOf(model, [BATCH, 3, 16, 16]);
    expect(fast.kernels.some(({ label }) => label.startsWith("winogradConv2d"))).toBe(true);
    const total = ({ kernels }: FunctionProfile) => kernels.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
    expect(total(fast)).toBe(total(direct));
  } finally {
    Object.assign(device.target, { winograd: false });
  }
});

it("every template that multiplies and adds says how often, so that no work is left out", () => {
  const silent = structuralNames.filter((op) => {
    const record = structuralRecord({ op } as Node);
    return record?.kind === "template" && !record.multiplyAdds;
  });
  // A variance is always decomposed, filters are transformed beside work that is counted, the others are no products of
  // matrices, or factorizations, whose work is counted by their kernels.
  expect(silent).toEqual([
    "variance",
    "winogradFilter",
    "scatter",
    "argsort",
    "scan",
    "softmax",
    "softmaxGrad",
    "standardise",
    "standardiseGrad",
    "cholesky",
    "lu",
    "triangularSolve",
    "qr",
    "jacobi",
  ]);
});

describe("work", () => {
  it("of an element-wise kernel is one for each element, and its buffers", async () => {
    const [x, y] = [zeros([64, 32]), zeros([64, 32])];
    await realize(x, y);
    const { kernels, arenaBytes } = await profile((a: Tensor, b: Tensor) => a.mul(b).add(a), [x, y], once);
    expect(kernels).toMatchObject([
      { flop: 2 * 64 * 32, multiplyAdds: 0, readBytes: 2 * 4 * 64 * 32, writtenBytes: 4 * 64 * 32, timesMs: [1] },
    ]);
    expect(arenaBytes).toBe(0);
  });

  it("of a product and of a sum", async () => {
    const [a, b] = [zeros([16, 32]), zeros([32, 48])];
    await realize(a, b);
    const product = await profile((x: Tensor, y: Tensor) => x.matmul(y), [a, b], once);
    expect(product.kernels).toMatchObject([{ multiplyAdds: 16 * 32 * 48, flop: 2 * 16 * 32 * 48 }]);
    const sum = await profile((x: Tensor) => x.sum({ dim: 1 }), [a], once);
    expect(sum.kernels).toMatchObject([{ multiplyAdds: 0, flop: 16 * 32, writtenBytes: 4 * 16 }]);
  });
});

it("linear layers, whose two gradients are both products, are told apart", async () => {
  const model = new Sequential(new Linear(32, 48), new ReLU(), new Linear(48, 24));
  const made = await stepOf(model, [16, 32]);
  const products = made.kernels.filter(({ label }) => label.startsWith("matmul"));
  expect(products.map(({ anchors: [{ path, role }] }) => `${path} ${role}`).sort()).toEqual([
    "model.0 forward",
    "model.0 weight gradient",
    "model.2 forward",
    "model.2 input gradient",
    "model.2 weight gradient",
  ]);
});

describe("labels are no part of a program", () => {
  const net = () => withScope("a", () => withScope("b", () => leaf([4, 8])));

  it("nor of its key", () => {
    const plain = graph.op("exp", leaf([4, 8]));
    const labelled = withOrigin({ path: "model.head", role: "update" }, () => graph.op("exp", net()));
    expect(labelled.origin).toEqual({ path: "model.head", role: "update" });
    expect(structureKey([labelled]).key).toBe(structureKey([plain]).key);
  });

  it("of equal structure and another name: the profile has its own, the cache still one", async () => {
    const x = zeros([16, 32]);
    await realize(x);
    const one = (name: string) => (a: Tensor) => withScope(name, () => a.exp().mul(3).sum({ dim: 1 }));
    await compile(one("first"))(x);
    const before = programCount();
    const { kernels } = await profile(one("second"), [x], once);
    expect(new Set(kernels.flatMap(({ anchors }) => anchors.map(({ path }) => path)))).toEqual(new Set(["second"]));
    expect(programCount()).toBe(before);
    await compile(one("third"))(x);
    expect(programCount()).toBe(before);
    expect(device.last.work).toBeDefined();
  });

  it("equal work of two modules is still done once", async () => {
    const x = zeros([16, 32]);
    await realize(x);
    const twice = (a: Tensor) => [
      withScope("first", () => a.exp().sum({ dim: 1 })),
      withScope("second", () => a.exp().sum({ dim: 1 })).mul(2),
    ];
    const apart = await profile(twice, [x], once);
    const sums = apart.kernels.filter(({ label }) => label.startsWith("sum"));
    expect(sums).toHaveLength(1);
    expect(sums[0].anchors).toEqual([{ path: "first", role: "forward" }]);
  });
});

describe("profile", () => {
  it("measures as many steps as it is told, and updates as often as it runs", async () => {
    const x = zeros([8]);
    await realize(x);
    let traces = 0;
    const count = (a: Tensor) => {
      traces++;
      return a.add(1);
    };
    const { stepsMs, kernels } = await profile(count, [x], { steps: 3, warmup: 2 });
    expect([stepsMs.length, kernels[0].timesMs.length, traces]).toEqual([3, 3, 1]);
  });

  it.each([
    [{ steps: 0 }, "[profile] steps must be a whole number ≥ 1, got 0"],
    [{ steps: 1.5 }, "[profile] steps must be a whole number ≥ 1, got 1.5"],
    [{ warmup: -1 }, "[profile] warmup must be a whole number ≥ 0, got -1"],
  ])("refuses %o", async (options, message) => {
    await expect(profile((a: Tensor) => a, [zeros([1])], options)).rejects.toThrow(message);
  });
});
