/** Losses of sequences: chains against exhaustive search, and what CTC does at its limits. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { functional as F, Linear, manualSeed } from "../../src/nn/index.js";
import { compile, Generator, grad, Parameter, realize, type Tensor, tensor, zeros } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

const whole = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "i32" });
const noise = (shape: readonly number[], stream: string): Tensor => new Generator(7, { stream }).normal(shape);

/** The labelling of a chain with the highest score, plus `margin` for each label that is not the given one. */
function search(emissions: number[][], transitions: number[][], truth?: readonly number[], margin = 0): number[] {
  const K = transitions.length;
  let [best, found] = [Number.NEGATIVE_INFINITY, [] as number[]];
  for (let code = 0; code < K ** emissions.length; code++) {
    const y = emissions.map((_, t) => Math.floor(code / K ** t) % K);
    const score = y.reduce((sum, label, t) => {
      const step = t > 0 ? transitions[y[t - 1]][label] : 0;
      return sum + emissions[t][label] + step + (truth && truth[t] !== label ? margin : 0);
    }, 0);
    if (score > best) [best, found] = [score, y];
  }
  return found;
}

describe("viterbi", () => {
  it.each([2, 3])("finds what exhaustive search finds, with %i labels and lengths", async (K) => {
    const [emissions, transitions] = [noise([5, 4, K], "emissions"), noise([K, K], "transitions")];
    const lengths = [4, 3, 1, 2, 4];
    const found = F.viterbi(emissions, transitions, { lengths });
    await realize(found, emissions, transitions);
    const scores = (await emissions.toArray()) as number[][][];
    const steps = (await transitions.toArray()) as number[][];
    const expected = scores.map((rows, n) => {
      const labels = search(rows.slice(0, lengths[n]), steps);
      return [...labels, ...new Array<number>(4 - lengths[n]).fill(-100)];
    });
    expect(await found.toArray()).toEqual(expected);
  });
});

describe("chainHingeLoss", () => {
  it("has the gradient of its most violating labelling minus that of the labels", async () => {
    const [N, T, K] = [4, 3, 3];
    const [emissions, transitions] = [noise([N, T, K], "emissions"), noise([K, K], "transitions")];
    await realize(emissions, transitions);
    const scores = (await emissions.toArray()) as number[][][];
    const steps = (await transitions.toArray()) as number[][];
    // Two right labellings are the best ones already, so that only the margin makes others violate.
    const labels = [search(scores[0], steps), search(scores[1], steps), [1, 0, 1], [0, 0, 2]];
    const loss = F.chainHingeLoss(emissions, transitions, whole(labels), { margin: 2, reduction: "sum" });
    const gradients = grad(loss, [emissions, transitions]);
    await realize(...gradients);
    const ofEmissions = scores.map((rows) => rows.map((row) => row.map(() => 0)));
    const ofSteps = steps.map((row) => row.map(() => 0));
    const add = (n: number, y: readonly number[], sign: number) => {
      for (const [t, label] of y.entries()) {
        ofEmissions[n][t][label] += sign;
        if (t > 0) ofSteps[y[t - 1]][label] += sign;
      }
    };
    for (const [n, truth] of labels.entries()) {
      add(n, search(scores[n], steps, truth, 2), 1);
      add(n, truth, -1);
    }
    const differs = labels.some(
      (truth, n) => `${search(scores[n], steps, truth, 2)}` !== `${search(scores[n], steps)}`,
    );
    expect(differs).toBe(true); // else the margin would not be seen
    expect(await gradients[0].toArray()).toEqual(ofEmissions);
    expect(await gradients[1].toArray()).toEqual(ofSteps);
  });

  it("learns labels that only their neighbours tell apart: a structured support vector machine", async () => {
    // Each observation is 0 or 1; the label says whether it equals the one before. A label alone cannot be seen.
    manualSeed(3);
    const [N, T] = [24, 6];
    const bits = Array.from({ length: N }, (_, n) =>
      Array.from({ length: T }, (_, t) => (n * 37 + t * t * 11 + n * t) % 3 === 0),
    );
    const x = tensor(bits.map((row) => row.map((bit) => [bit ? 1 : 0, bit ? 0 : 1])));
    // Runs: label 0 or 1 of a hidden state that flips at every 1 of the observation.
    const labels = whole(
      bits.map((row) => {
        let state = 0;
        return row.map((bit) => {
          if (bit) state = 1 - state;
          return 2 * state + (bit ? 1 : 0);
        });
      }),
    );
    const head = new Linear(2, 4);
    const transitions = new Parameter(zeros([4, 4]), { name: "transitions" });
    const start = new Parameter(zeros([4]), { name: "start" });
    const scoresOf = (inputs: Tensor): Tensor => {
      const scores = head(inputs); // [N, T, 4]
      const isFirst = tensor([1, 0, 0, 0, 0, 0]).reshape([1, T, 1]);
      return scores.add(start.mul(isFirst));
    };
    const step = compile((inputs: Tensor, truth: Tensor) => {
      const parameters = [...head.parameters(), transitions, start];
      for (const parameter of parameters) parameter.grad = null;
      const loss = F.chainHingeLoss(scoresOf(inputs), transitions, truth);
      loss.backward();
      for (const parameter of parameters) parameter.assign(parameter.sub(parameter.grad!.mul(0.3)));
      return loss.detach();
    });
    const first = await (await step(x, labels)).item();
    for (let i = 0; i < 120; i++) await step(x, labels);
    const last = await (await step(x, labels)).item();
    expect(last).toBeLessThan(first / 10);
    const isRight = F.viterbi(scoresOf(x), transitions).eq(labels).to("f32").mean();
    expect(await isRight.item()).toBe(1);
    const alone = scoresOf(x).argmax({ dim: 2 }).eq(labels).to("f32").mean();
    expect(await alone.item()).toBeLessThan(0.8); // without transitions the state cannot be known
  });
});

describe("chainCrfLoss", () => {
  it("of a label that is none is NaN where its value is not known, and only there", async () => {
    const run = compile((labels: Tensor) =>
      F.chainCrfLoss(zeros([2, 3, 2]), zeros([2, 2]), labels, { reduction: "none" }),
    );
    const [bad, good] = await (
      await run(
        whole([
          [0, 2, 0],
          [0, 1, 0],
        ]),
      )
    ).data();
    expect(bad).toBeNaN();
    expect(good).toBeCloseTo(3 * Math.log(2), 5);
  });

  it("of lengths out of range is NaN where they are not known", async () => {
    const run = compile((lengths: Tensor) =>
      F.chainCrfLoss(zeros([3, 3, 2]), zeros([2, 2]), zeros([3, 3], { dtype: "i32" }), { lengths, reduction: "none" }),
    );
    const [low, good, high] = await (await run(whole([0, 2, 4]))).data();
    expect([low, high]).toEqual([Number.NaN, Number.NaN]);
    expect(good).toBeCloseTo(2 * Math.log(2), 5);
  });
});

describe("ctcLoss", () => {
  const uniform = zeros([4, 3, 3]).logSoftmax(2);
  const none = { reduction: "none" } as const;

  it("of targets that are too long is ∞, with a gradient of 0 where PyTorch's is NaN, or 0", async () => {
    const x = zeros([2, 2, 3]);
    const losses = F.ctcLoss(
      x.logSoftmax(2),
      whole([
        [1, 1],
        [1, 2],
      ]),
      [2, 2],
      [2, 2],
      none,
    );
    const [gradient] = grad(losses.sum(), [x]);
    await realize(losses, gradient);
    expect([...(await losses.data())]).toEqual([Number.POSITIVE_INFINITY, expect.closeTo(Math.log(9), 5)]);
    expect([...(await gradient.data())].every(Number.isFinite)).toBe(true);
    const zero = F.ctcLoss(
      x.logSoftmax(2),
      whole([
        [1, 1],
        [1, 2],
      ]),
      [2, 2],
      [2, 2],
      { ...none, zeroInfinity: true },
    );
    expect((await zero.data())[0]).toBe(0);
  });

  it("sums the alignments of probabilities of 0", async () => {
    const x = tensor([[[0, 1, 0]], [[0, 0, 1]]]).log(); // sure of 1, then 2
    const loss = F.ctcLoss(x, whole([[1, 2]]), [2], [2]);
    const [gradient] = grad(loss, [x]);
    await realize(loss, gradient);
    expect(Math.abs(await loss.item())).toBe(0);
    expect((await gradient.toArray()) as number[][][]).toEqual([[[0, -0.5, 0]], [[0, 0, -0.5]]]);
  });

  it("of labels or lengths out of range is NaN where they are not known, and what is behind a length does not matter", async () => {
    const run = compile((targets: Tensor, inputs: Tensor, labels: Tensor) =>
      F.ctcLoss(uniform, targets, inputs, labels, none),
    );
    const losses = await run(
      whole([
        [1, 99],
        [1, 2],
        [3, 1],
      ]),
      whole([4, 5, 4]),
      whole([1, 2, 2]),
    );
    const [good, long, strange] = await losses.data();
    expect(good).toBeCloseTo(Math.log(81 / 10), 5); // C(4 + 1, 2) = 10 alignments of one label
    expect(long).toBeNaN();
    expect(strange).toBeNaN();
  });
});
