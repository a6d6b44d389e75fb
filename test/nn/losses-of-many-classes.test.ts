/** Hierarchical softmax, sampled classes, and regression by bins: what closed forms and exhaustive sums give. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { ClassSampler, functional as F, HierarchicalSoftmax, manualSeed } from "../../src/nn/index.js";
import { arange, compile, Generator, grad, realize, type Tensor, tensor, zeros } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

const classes = (indices: readonly number[]): Tensor => tensor(indices, { dtype: "i32" });
const noise = (shape: readonly number[], stream: string): Tensor => new Generator(3, { stream }).normal(shape);

/** Lengths of the paths of all classes. */
async function lengthsOf(head: HierarchicalSoftmax): Promise<number[]> {
  return Array.from(await head.turns.ne(0).sum({ dim: 1 }).data());
}

describe("HierarchicalSoftmax", () => {
  const counts = [50, 1, 7, 7, 20, 3, 12];
  const heads = [
    ...[2, 3, 7, 8, 13].map((K) => ({ name: `balanced, ${K} classes`, K, tree: K as number | number[] })),
    { name: "Huffman", K: 7, tree: counts },
  ];

  it.each(heads)("$name: probabilities sum to 1, and the loss is that of the target's", async ({ K, tree }) => {
    manualSeed(1);
    const head = new HierarchicalSoftmax(3, tree);
    head.weight.assign(noise(head.weight.shape, "weight"));
    head.bias!.assign(noise(head.bias!.shape, "bias"));
    const x = noise([K, 3], "x");
    const logarithms = head.logProbabilities(x); // [K, K]
    const sums = logarithms.exp().sum({ dim: 1 });
    const losses = F.hierarchicalSoftmaxLoss(x, arange(K), head.weight, head.nodes, head.turns, {
      bias: head.bias,
      reduction: "none",
    });
    const best = head.predict(x);
    await realize(logarithms, sums, losses, best);
    for (const sum of await sums.data()) expect(sum).toBeCloseTo(1, 6);
    const table = (await logarithms.toArray()) as number[][];
    for (const [k, loss] of (await losses.data()).entries()) expect(loss).toBeCloseTo(-table[k][k], 5);
    expect([...(await best.data())]).toEqual(table.map((row) => row.indexOf(Math.max(...row))));
  });

  it("balanced paths have ⌊log₂ K⌋ or ⌈log₂ K⌉ nodes", async () => {
    for (const K of [2, 3, 8, 100]) {
      const lengths = new Set(await lengthsOf(new HierarchicalSoftmax(2, K)));
      expect([...lengths].every((n) => n === Math.floor(Math.log2(K)) || n === Math.ceil(Math.log2(K)))).toBe(true);
    }
  });

  it("Huffman's tree has the shortest mean path: the sum of the counts of all merged nodes", async () => {
    const lengths = await lengthsOf(new HierarchicalSoftmax(2, counts));
    // Merged: 1+3, 4+7, 7+11, 12+18, 20+30, 50+50.
    expect(lengths.reduce((sum, n, k) => sum + n * counts[k], 0)).toBe(4 + 11 + 18 + 30 + 50 + 100);
  });

  it("computes 100,000 classes from the nodes on the paths", async () => {
    const head = new HierarchicalSoftmax(4, 100_000);
    const x = noise([3, 4], "x");
    const loss = head(x, classes([0, 99_999, 12_345]));
    const [gradient] = grad(loss, [x]);
    await realize(loss, gradient);
    expect(await loss.item()).toBeGreaterThan(5);
    expect([...(await gradient.data())].some((value) => value !== 0)).toBe(true);
  });

  it("learns: gradients reach the nodes on the paths, and no others", async () => {
    manualSeed(2);
    const head = new HierarchicalSoftmax(4, 6, { bias: false });
    const [x, targets] = [noise([6, 4], "x"), arange(6)];
    head(x.slice(0, 0, 1), targets.slice(0, 0, 1)).backward();
    const touched = (await head.weight.grad!.abs().sum({ dim: 1 }).gt(0).data()) as Uint8Array;
    const [path, turns] = await Promise.all([head.nodes.select(0, 0).data(), head.turns.select(0, 0).data()]);
    const onPath = new Set([...path].filter((_, d) => turns[d] !== 0));
    expect([...touched].map((flag) => flag === 1)).toEqual(Array.from(touched, (_, node) => onPath.has(node)));
    const step = compile((inputs: Tensor, labels: Tensor) => {
      const loss = head(inputs, labels);
      head.weight.grad = null;
      loss.backward();
      head.weight.assign(head.weight.sub(head.weight.grad!.mul(4)));
      return loss.detach();
    });
    for (let i = 0; i < 150; i++) await step(x, targets);
    expect(await head(x, targets).item()).toBeLessThan(0.2);
    expect([...(await head.predict(x).data())]).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("ClassSampler", () => {
  it("draws classes with the probabilities that it says, and never one without a count", async () => {
    const counts = [16, 0, 1, 81, 2, 4];
    const sampler = new ClassSampler(counts, new Generator(5), { power: 0.5 });
    const draws = await sampler.sample([100, 200]).data();
    const roots = counts.map(Math.sqrt);
    const total = roots.reduce((a, b) => a + b);
    const logarithms = await sampler.logProbabilities.data();
    for (const [k, root] of roots.entries()) {
      const q = root / total;
      expect(Math.exp(logarithms[k])).toBeCloseTo(q, 6);
      const share = draws.filter((draw) => draw === k).length / draws.length;
      expect(Math.abs(share - q)).toBeLessThanOrEqual(4 * Math.sqrt((q * (1 - q)) / draws.length));
    }
  });
});

describe("sampledSoftmaxLoss", () => {
  it("is the cross-entropy if every class is sampled once", async () => {
    const [x, weight, bias] = [noise([3, 4], "x"), noise([6, 4], "weight"), noise([6], "bias")];
    const targets = classes([5, 0, 3]);
    const sampled = F.sampledSoftmaxLoss(x, targets, weight, arange(6), { bias });
    const full = F.crossEntropy(F.linear(x, weight, { bias }), targets);
    expect(await sampled.item()).toBeCloseTo(await full.item(), 5);
  });
});

describe("bins", () => {
  const options = { low: -1, high: 3 };

  it("two bins each have the target as their expectation", async () => {
    const target = tensor([-0.5, 0.2, 1.75, 2.6]);
    const q = F.binTargets(target, 5, { ...options, sigma: 0 });
    const mean = F.binExpectation(q.log(), options);
    for (const [i, value] of (await mean.data()).entries()) expect(value).toBeCloseTo([-0.5, 0.2, 1.75, 2.6][i], 5);
  });

  it("normal distributions sum to 1, also for targets far out of range", async () => {
    const sums = F.binTargets(tensor([-100, 0.3, 100]), 8, options).sum({ dim: 1 });
    for (const sum of await sums.data()) expect(sum).toBeCloseTo(1, 6);
  });

  it("quantiles invert the piecewise linear distribution", async () => {
    const logits = tensor([Math.log(0.1), Math.log(0.4), Number.NEGATIVE_INFINITY, Math.log(0.5)]);
    const at = async (q: number) => F.binQuantile(logits, q, options).item();
    expect(await at(0)).toBeCloseTo(-1, 5);
    expect(await at(0.1)).toBeCloseTo(0, 5);
    expect(await at(0.3)).toBeCloseTo(0.5, 5);
    expect(await at(0.75)).toBeCloseTo(2.5, 5);
    expect(await at(1)).toBeCloseTo(3, 5);
  });

  it("learn the distribution of targets: expectation and quantiles of two modes", async () => {
    const logits = new Float64Array(8);
    const targets = tensor([0.25, 0.25, 0.25, 2.25]);
    let state = tensor(logits, { dtype: "f32" });
    const step = compile((x: Tensor) => {
      const leaf = x.mul(1);
      const loss = F.histogramLoss(leaf.unsqueeze(0).expand([4, 8]), targets, { ...options, sigma: 0 });
      return x.sub(grad(loss, [leaf])[0].mul(2));
    });
    for (let i = 0; i < 150; i++) state = await step(state);
    expect(await F.binExpectation(state, options).item()).toBeCloseTo(0.75, 1);
    expect(await F.binQuantile(state, 0.5, options).item()).toBeLessThan(0.6);
    expect(await F.binQuantile(state, 0.9, options).item()).toBeGreaterThan(1.9);
  });
});

describe("ends of what can be computed", () => {
  it("a single class sampled that is the target leaves a loss of 0", async () => {
    const loss = F.sampledSoftmaxLoss(zeros([1, 2]), classes([1]), zeros([3, 2]), classes([1, 1]));
    expect(await loss.item()).toBe(0);
  });
});
