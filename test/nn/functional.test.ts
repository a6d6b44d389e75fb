/** The functions behind the layers: properties that closed forms give. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { functional as F, TripletMarginWithDistanceLoss } from "../../src/nn/index.js";
import { compile, Generator, ones, type Tensor, tensor, Variable, zeros } from "../../src/tensor/index.js";
import { expectClose } from "./references.js";

beforeAll(() => useDevice("interp"));

const classes = (indices: number[] | number[][]): Tensor => tensor(indices, { dtype: "i32" });

describe("crossEntropy", () => {
  it("of equal logits is the logarithm of the number of classes", async () => {
    const loss = F.crossEntropy(zeros([6, 10]), classes([0, 1, 2, 3, 4, 9]));
    expect(await loss.item()).toBeCloseTo(Math.log(10), 6);
  });

  it("ignores a class that is masked with −∞ and is not the target", async () => {
    const logits = tensor([[1, 1, Number.NEGATIVE_INFINITY]], { dtype: "f32" });
    expect(await F.crossEntropy(logits, classes([0])).item()).toBeCloseTo(Math.log(2), 6);
  });

  it.each([-1, 3])(
    "of the target %i of 3 classes is NaN where its value is not known, and only there",
    async (target) => {
      const losses = compile((targets: Tensor) => F.crossEntropy(zeros([2, 3]), targets, { reduction: "none" }));
      const [bad, good] = await (await losses(classes([target, 0]))).data();
      expect(bad).toBeNaN();
      expect(good).toBeCloseTo(Math.log(3), 6);
    },
  );
});

describe("losses of targets that are no class", () => {
  it("are NaN where their values are not known, and only there", async () => {
    const run = compile((targets: Tensor) => {
      const x = zeros([2, 3]);
      const none = { reduction: "none" } as const;
      return [F.nllLoss(x, targets, none), F.focalLoss(x, targets, none), F.multiMarginLoss(x, targets, none)];
    });
    for (const losses of await run(classes([3, 2]))) {
      const [bad, good] = await losses.data();
      expect(bad).toBeNaN();
      expect(good).not.toBeNaN();
    }
    const ofLabels = compile((targets: Tensor) =>
      F.multilabelMarginLoss(zeros([2, 2]), targets, { reduction: "none" }),
    );
    const values = await ofLabels(
      tensor(
        [
          [1, -1],
          [2, -1],
        ],
        { dtype: "i32" },
      ),
    );
    expect(await values.toArray()).toEqual([0.5, Number.NaN]);
  });

  it("are those of a variable's values at the call, not at the trace", async () => {
    const targets = new Variable(classes([0, 5]));
    const run = compile(() => F.nllLoss(zeros([2, 3]), targets, { reduction: "none" }));
    expect((await (await run()).data())[1]).toBeNaN();
    targets.load([0, 1]);
    expect([...(await (await run()).data())].map(Math.abs)).toEqual([0, 0]);
  });
});

describe("losses where formulas have a kink or a pole", () => {
  it("softplus has the gradient ½ at 0", async () => {
    const x = tensor([0], { requiresGrad: true });
    F.binaryCrossEntropyWithLogits(x, tensor([1])).backward();
    expect(await x.grad!.toArray()).toEqual([-0.5]);
  });

  it("vectors of length 0 have a gradient of 0, not NaN", async () => {
    const x = tensor(
      [
        [0, 0],
        [1, 2],
      ],
      { requiresGrad: true },
    );
    F.ntXent(x, x.mul(1)).backward();
    expect([...(await x.grad!.data())].every(Number.isFinite)).toBe(true);
  });

  it("a class that is masked with −∞ keeps gradients of probabilities finite", async () => {
    const targets = tensor([[0.5, 0.5, 0]], { requiresGrad: true });
    const logits = tensor([[1, 1, Number.NEGATIVE_INFINITY]], { requiresGrad: true });
    const loss = F.crossEntropy(logits, targets);
    loss.backward();
    expect(await loss.item()).toBeCloseTo(Math.log(2), 6);
    for (const { grad } of [targets, logits]) expect([...(await grad!.data())].every(Number.isFinite)).toBe(true);
  });

  it("focal losses with an exponent below 1 have finite gradients where the decision is certain", async () => {
    const x = tensor([1000, -1000], { requiresGrad: true });
    F.sigmoidFocalLoss(x, tensor([1, 0]), { gamma: 0.5 }).backward();
    expect([...(await x.grad!.data())].map(Math.abs)).toEqual([0, 0]);
  });
});

describe("tripletMarginWithDistanceLoss", () => {
  it("takes a distance of one's own, as a function and as a layer", async () => {
    const distanceFunction = (x1: Tensor, x2: Tensor) => x1.sub(x2).abs().sum({ dim: -1 });
    const vectors = [tensor([[0, 0]]), tensor([[3, 4]]), tensor([[1, 5]])] as const;
    expect(await F.tripletMarginWithDistanceLoss(...vectors, { distanceFunction }).item()).toBe(2);
    expect(await new TripletMarginWithDistanceLoss({ distanceFunction, swap: true })(...vectors).item()).toBe(5);
    expect(() => F.tripletMarginWithDistanceLoss(...vectors, { distanceFunction: (() => 1) as never })).toThrow(
      "[tripletMarginWithDistanceLoss] distanceFunction returned 1, not a tensor",
    );
  });
});

describe("infoNce", () => {
  it("counts further negatives as keys of all queries", async () => {
    const query = tensor([[1, 0]]);
    const loss = F.infoNce(query, query, {
      negatives: tensor([
        [0, 1],
        [-1, 0],
      ]),
      temperature: 1,
    });
    expect(await loss.item()).toBeCloseTo(Math.log(Math.E + 1 + 1 / Math.E) - 1, 6);
  });
});

describe("crossEntropy with a tensor of label smoothing", () => {
  it("is that of the number, also with a share of 0 where a class is masked", async () => {
    const logits = tensor([
      [1, -2, 0.5],
      [0, 3, -1],
    ]);
    const targets = tensor([2, 0], { dtype: "i32" });
    const smoothing = new Variable(tensor(0));
    for (const share of [0, 0.1, 1]) {
      smoothing.load([share]);
      const [a, b] = [share, smoothing].map((labelSmoothing) => F.crossEntropy(logits, targets, { labelSmoothing }));
      expect(await a.item()).toBeCloseTo(await b.item(), 6);
    }
    smoothing.load([0]);
    const masked = tensor([[1, Number.NEGATIVE_INFINITY, 0.5]]);
    const label = tensor([2], { dtype: "i32" });
    const loss = F.crossEntropy(masked, label, { labelSmoothing: smoothing });
    expect(await loss.item()).toBeCloseTo(await F.crossEntropy(masked, label).item(), 6);
  });
});

describe("mseLoss", () => {
  it.each([
    { reduction: "mean" as const, expected: 2.5 },
    { reduction: "sum" as const, expected: 10 },
    {
      reduction: "none" as const,
      expected: [
        [0, 1],
        [9, 0],
      ],
    },
  ])("with reduction $reduction", async ({ reduction, expected }) => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "f32" },
    );
    const target = tensor(
      [
        [1, 3],
        [0, 4],
      ],
      { dtype: "f32" },
    );
    expect(await F.mseLoss(x, target, { reduction }).toArray()).toEqual(expected);
  });
});

describe("accuracy", () => {
  it("is the share of rows whose largest logit is the target's", async () => {
    const logits = tensor(
      [
        [2, 0, 1],
        [0, 1, 3],
        [5, 4, 4],
        [0, 2, 1],
      ],
      { dtype: "f32" },
    );
    const share = F.accuracy(logits, classes([0, 1, 0, 2]));
    expect(share.shape).toEqual([]);
    expect(share.dtype).toBe("f32");
    expect(await share.item()).toBe(0.5);
  });

  it("counts the first of equal logits", async () => {
    expect(await F.accuracy(zeros([2, 3]), classes([0, 1])).item()).toBe(0.5);
  });

  it("counts every pixel of class maps", async () => {
    const logits = tensor([[[[0, 1]], [[1, 0]]]], { dtype: "f32" }); // [1, 2, 1, 2]
    expect(await F.accuracy(logits, tensor([[[1, 1]]], { dtype: "i32" })).item()).toBe(0.5);
  });
});

describe("dropout", () => {
  const drop = (p: number, training = true) =>
    F.dropout(ones([50, 40]), new Generator(3, { stream: "mask" }), { p, training });

  it("zeroes about the share p and scales the rest by 1/(1−p)", async () => {
    const data = await drop(0.2).data();
    const zeroed = data.filter((value) => value === 0).length;
    // 2000 draws with p = 0.2: standard deviation 18, so four of them on each side.
    expect(Math.abs(zeroed - 400)).toBeLessThan(72);
    expect(new Set(data)).toEqual(new Set([0, 1.25]));
  });

  it("passes gradients where it passed values", async () => {
    const x = tensor(new Float32Array(200).fill(3), { requiresGrad: true });
    const y = F.dropout(x, new Generator(1, { stream: "mask" }), { p: 0.5 });
    y.sum().backward();
    const [values, gradient] = await Promise.all([y.data(), x.grad!.data()]);
    expect([...gradient]).toEqual([...values].map((value) => (value === 0 ? 0 : 2)));
  });

  it("draws a new mask at each call and the same ones for the same seed", async () => {
    const draw = () => {
      const generator = new Generator(9, { stream: "mask" });
      return [0, 1].map(() => F.dropout(ones([100]), generator).data());
    };
    const [first, second] = await Promise.all(draw());
    expect(second).not.toEqual(first);
    expect(await Promise.all(draw())).toEqual([first, second]);
  });

  it("keeps everything with p = 0 and in evaluation, nothing with p = 1", async () => {
    expect(new Set(await drop(0).data())).toEqual(new Set([1]));
    expect(new Set(await drop(0.7, false).data())).toEqual(new Set([1]));
    expect(new Set(await drop(1).data())).toEqual(new Set([0]));
  });
});

describe("batchNorm", () => {
  it("gives every channel mean 0 and variance 1", async () => {
    const x = new Generator(4, { stream: "x" }).normal([8, 3, 5, 5], { mean: 7, std: 3 });
    const y = F.batchNorm(x, { training: true });
    const mean = await y.mean({ dim: [0, 2, 3] }).data();
    const variance = await y.variance({ dim: [0, 2, 3], correction: 0 }).data();
    for (const value of mean) expect(value).toBeCloseTo(0, 5);
    for (const value of variance) expect(value).toBeCloseTo(1, 4);
  });

  it("updates the running statistics in training only", async () => {
    const runningMean = new Variable(zeros([1]));
    const runningVar = new Variable(ones([1]));
    const x = tensor([[1], [3]], { dtype: "f32" });
    const y = F.batchNorm(x, { runningMean, runningVar, eps: 0 });
    expect(await y.toArray()).toEqual([[1], [3]]);
    F.batchNorm(x, { runningMean, runningVar, training: true, momentum: 0.25 });
    expect(await runningMean.toArray()).toEqual([0.5]);
    expect(await runningVar.toArray()).toEqual([1.25]); // 0.75 · 1 + 0.25 · 2, the variance divided by n − 1
  });
});

describe("linear, relu, softmax", () => {
  it("compute their formulas", async () => {
    const x = tensor(
      [
        [1, 2],
        [-3, 4],
      ],
      { dtype: "f32" },
    );
    const weight = tensor(
      [
        [1, 0],
        [1, 1],
        [0, -1],
      ],
      { dtype: "f32" },
    );
    const bias = tensor([10, 0, 1], { dtype: "f32" });
    expect(await F.linear(x, weight, { bias }).toArray()).toEqual([
      [11, 3, -1],
      [7, 1, -3],
    ]);
    expect(await F.relu(x).toArray()).toEqual([
      [1, 2],
      [0, 4],
    ]);
    expect(
      await F.softmax(
        tensor(
          [
            [1000, 1000],
            [0, Math.log(3)],
          ],
          { dtype: "f32" },
        ),
        1,
      ).toArray(),
    ).toEqual([
      [0.5, 0.5],
      [expect.closeTo(0.25, 6), expect.closeTo(0.75, 6)],
    ]);
  });

  it("softmax works along any axis", async () => {
    const y = F.softmax(zeros([2, 4]), 0);
    expect(new Set(await y.data())).toEqual(new Set([0.5]));
  });
});

describe("adaptiveAvgPool2d", () => {
  it("to the size of the input is the identity", async () => {
    const x = new Generator(2, { stream: "x" }).normal([1, 2, 3, 4]);
    await expectClose(F.adaptiveAvgPool2d(x, [3, 4]), { shape: x.shape, data: [...(await x.data())] }, "identity");
  });
});
