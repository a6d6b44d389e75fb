/**
 * Losses that PyTorch lacks: the formulas of their papers on plain numbers, in float64. Values are compared with them, and
 * gradients with their central differences. This file must not use the library.
 */

/** Numbers of a shape, in row-major order; whole numbers are indices or labels. */
interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly whole?: boolean;
}

/** A loss with its options, inputs, and what it is by formula. */
export interface FormulaCase {
  readonly name: string;
  readonly loss: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options that are tensors. */
  readonly tensors?: Readonly<Record<string, Numbers>>;
  readonly inputs: readonly Numbers[];
  /** Indices of the inputs whose gradients are compared; default the first. */
  readonly gradients?: readonly number[];
  /** The losses with reduction `none`, from the values of the inputs. */
  readonly formula: (...inputs: (readonly number[])[]) => number[];
  /** Number by which the mean divides the sum; default that of the losses. */
  readonly divisor?: number;
}

/** Numbers between −1.5 and 1.5, without a pattern that a loss could hide in. */
const spread = (count: number, phase: number): number[] =>
  Array.from({ length: count }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 4.1414 * phase));

const random = (shape: readonly number[], phase: number): Numbers => ({
  shape,
  data: spread(
    shape.reduce((a, b) => a * b, 1),
    phase,
  ),
});
const probabilities = (shape: readonly number[], phase: number): Numbers => {
  const { data } = random(shape, phase);
  return { shape, data: data.map((x) => 1 / (1 + Math.exp(-x))) };
};
const binary = (shape: readonly number[], phase: number): Numbers => {
  const { data } = random(shape, phase);
  return { shape, data: data.map((x) => (x > 0 ? 1 : 0)) };
};
const whole = (shape: readonly number[], data: readonly number[]): Numbers => ({ shape, data, whole: true });

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * b[i]));
const rowsOf = (data: readonly number[], width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
const cosine = (a: readonly number[], b: readonly number[]): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softmax = (x: readonly number[]): number[] => {
  const e = x.map((v) => Math.exp(v));
  return e.map((v) => v / sum(e));
};

/** A loss element by element. */
const each =
  (loss: (x: number, t: number) => number) =>
  (x: readonly number[], t: readonly number[]): number[] =>
    x.map((v, i) => loss(v, t[i]));

/** A loss of regions: of the sums over the pixels of each sample and class. */
const regions =
  (pixels: number, loss: (both: number, predicted: number, missed: number) => number) =>
  (x: readonly number[], t: readonly number[]): number[] =>
    rowsOf(x, pixels).map((row, i) => {
      const truth = rowsOf(t, pixels)[i];
      const [no, notTruth] = [row, truth].map((values) => values.map((v) => 1 - v));
      return loss(dot(row, truth), dot(row, notTruth), dot(no, truth));
    });

const masks = [probabilities([2, 2, 3, 4], 1), binary([2, 2, 3, 4], 2)];
const pairs = [random([3, 4], 1), random([3, 4], 2)];
const views = [random([3, 4], 3), random([3, 4], 5)];

const focal = (alpha: number | null, gamma: number) => (x: number, t: number) => {
  const p = t === 1 ? sigmoid(x) : 1 - sigmoid(x);
  const a = alpha === null ? 1 : t === 1 ? alpha : 1 - alpha;
  return -a * (1 - p) ** gamma * Math.log(p);
};

/** −log of the share of the score `own` among `scores`. */
const surprise = (scores: readonly number[], own: number): number =>
  Math.log(sum(scores.map((s) => Math.exp(s)))) - own;

/** Scores of all labellings of a chain, and the number of labels that differ from the given ones. */
function labellings(
  emissions: readonly number[],
  transitions: readonly number[],
  labels: readonly number[],
  K: number,
) {
  const T = labels.length;
  return Array.from({ length: K ** T }, (_, code) => {
    const y = labels.map((_, t) => Math.floor(code / K ** t) % K);
    const ofSteps = y.slice(1).map((label, t) => transitions[y[t] * K + label]);
    const wrong = y.filter((label, t) => label !== labels[t]).length;
    return { score: sum(y.map((label, t) => emissions[t * K + label])) + sum(ofSteps), wrong };
  });
}

/** A loss of chains of 3 positions and 3 labels, of which the second sequence has only the first 2 positions. */
const chains =
  (loss: (all: readonly { readonly score: number; readonly wrong: number }[], truth: number) => number) =>
  (emissions: readonly number[], transitions: readonly number[], labels: readonly number[]): number[] =>
    rowsOf(labels, 3).map((row, n) => {
      const length = [3, 2][n];
      const all = labellings(rowsOf(emissions, 9)[n].slice(0, 3 * length), transitions, row.slice(0, length), 3);
      return loss(all, all.find(({ wrong }) => wrong === 0)!.score);
    });
const chainInputs = [random([2, 3, 3], 1), random([3, 3], 4), whole([2, 3], [2, 0, 1, 1, 1, 0])];

const erf = (x: number): number => {
  // Abramowitz & Stegun 7.1.5, the power series, which converges fast for the small arguments here.
  let [term, total] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
};

export const formulas: readonly FormulaCase[] = [
  {
    name: "logCoshLoss",
    loss: "logCoshLoss",
    inputs: pairs,
    gradients: [0, 1],
    formula: each((x, t) => Math.log(Math.cosh(x - t))),
  },
  ...[0.5, 0.9, 0].map((q) => ({
    name: `quantileLoss, q ${q}`,
    loss: "quantileLoss",
    options: { q },
    inputs: pairs,
    gradients: [0, 1],
    formula: each((x, t) => Math.max(q * (t - x), (q - 1) * (t - x))),
  })),
  ...[
    { alpha: 0.25, gamma: 2 },
    { alpha: null, gamma: 0.5 },
    { alpha: 0.6, gamma: 0 },
  ].map(({ alpha, gamma }) => ({
    name: `sigmoidFocalLoss, alpha ${alpha}, gamma ${gamma}`,
    loss: "sigmoidFocalLoss",
    options: { alpha, gamma },
    inputs: [random([3, 4], 1), binary([3, 4], 2)],
    formula: each(focal(alpha, gamma)),
  })),
  ...[2, 0.5].map((gamma) => ({
    name: `focalLoss, gamma ${gamma}, one ignored`,
    loss: "focalLoss",
    options: { gamma },
    inputs: [random([4, 3], 7), whole([4], [2, 0, -100, 1])],
    divisor: 3,
    formula: (x: readonly number[], t: readonly number[]) =>
      rowsOf(x, 3).map((row, i) => {
        const p = softmax(row)[t[i]];
        return t[i] < 0 ? 0 : -((1 - p) ** gamma) * Math.log(p);
      }),
  })),
  {
    name: "diceLoss",
    loss: "diceLoss",
    inputs: masks,
    gradients: [0, 1],
    formula: regions(12, (both, predicted, missed) => 1 - (2 * both + 1) / (2 * both + predicted + missed + 1)),
  },
  {
    name: "jaccardLoss, smooth 0",
    loss: "jaccardLoss",
    options: { smooth: 0 },
    inputs: masks,
    gradients: [0, 1],
    formula: regions(12, (both, predicted, missed) => 1 - both / (both + predicted + missed)),
  },
  {
    name: "tverskyLoss",
    loss: "tverskyLoss",
    inputs: masks,
    formula: regions(12, (both, predicted, missed) => 1 - (both + 1) / (both + 0.3 * predicted + 0.7 * missed + 1)),
  },
  {
    name: "tverskyLoss of equal weights is the Dice loss",
    loss: "tverskyLoss",
    options: { alpha: 0.5, beta: 0.5, smooth: 0.5 },
    inputs: masks,
    formula: regions(12, (both, predicted, missed) => 1 - (2 * both + 1) / (2 * both + predicted + missed + 1)),
  },
  {
    name: "focalTverskyLoss",
    loss: "focalTverskyLoss",
    options: { gamma: 0.6, alpha: 0.2, beta: 0.4 },
    inputs: masks,
    formula: regions(
      12,
      (both, predicted, missed) => (1 - (both + 1) / (both + 0.2 * predicted + 0.4 * missed + 1)) ** 0.6,
    ),
  },
  {
    name: "infoNce",
    loss: "infoNce",
    options: { temperature: 0.5 },
    inputs: views,
    gradients: [0, 1],
    formula: (q, k) => {
      const keys = rowsOf(k, 4);
      return rowsOf(q, 4).map((row, i) => {
        const scores = keys.map((key) => cosine(row, key) / 0.5);
        return surprise(scores, scores[i]);
      });
    },
  },
  {
    name: "ntXent",
    loss: "ntXent",
    inputs: views,
    gradients: [0, 1],
    formula: (a, b) => {
      const all = [...rowsOf(a, 4), ...rowsOf(b, 4)];
      return all.map((row, i) => {
        const scores = all.map((other) => cosine(row, other) / 0.5);
        return surprise(
          scores.filter((_, k) => k !== i),
          scores[(i + 3) % 6],
        );
      });
    },
  },
  {
    name: "supCon, one alone in its class",
    loss: "supCon",
    options: { temperature: 0.3 },
    inputs: [random([5, 3], 2), whole([5], [1, 0, 1, 7, 1])],
    divisor: 3, // those with another of their class
    formula: (x, labels) => {
      const rows = rowsOf(x, 3);
      return rows.map((row, i) => {
        const scores = rows.map((other) => cosine(row, other) / 0.3);
        const others = scores.filter((_, k) => k !== i);
        const like = scores.filter((_, k) => k !== i && labels[k] === labels[i]);
        return like.length === 0 ? 0 : sum(like.map((score) => surprise(others, score))) / like.length;
      });
    },
  },
  {
    name: "hierarchicalSoftmaxLoss",
    loss: "hierarchicalSoftmaxLoss",
    tensors: { bias: random([2], 9) },
    // Node 0 separates class 0 from the others, node 1 class 1 from class 2.
    inputs: [
      random([4, 3], 1),
      whole([4], [2, 0, 1, 2]),
      random([2, 3], 2),
      whole([3, 2], [0, 0, 0, 1, 0, 1]),
      whole([3, 2], [1, 0, -1, 1, -1, -1]),
    ],
    gradients: [0, 2],
    formula: (x, targets, weight) =>
      rowsOf(x, 3).map((row, n) => {
        const [root, second] = rowsOf(weight, 3).map((w, i) => sigmoid(dot(w, row) + random([2], 9).data[i]));
        return -Math.log([root, (1 - root) * second, (1 - root) * (1 - second)][targets[n]]);
      }),
  },
  {
    name: "negativeSamplingLoss",
    loss: "negativeSamplingLoss",
    inputs: [random([3, 4], 1), random([3, 4], 2), random([3, 2, 4], 3)],
    gradients: [0, 1, 2],
    formula: (x, positive, negatives) =>
      rowsOf(x, 4).map((row, n) => {
        const others = rowsOf(negatives, 4).slice(2 * n, 2 * n + 2);
        const like = Math.log(sigmoid(dot(row, rowsOf(positive, 4)[n])));
        return -like - sum(others.map((other) => Math.log(sigmoid(-dot(row, other)))));
      }),
  },
  {
    name: "sampledSoftmaxLoss, one sample is a target",
    loss: "sampledSoftmaxLoss",
    tensors: { bias: random([5], 6), logQ: random([5], 8) },
    inputs: [random([3, 4], 1), whole([3], [4, 0, 2]), random([5, 4], 2), whole([3], [1, 4, 1])],
    gradients: [0, 2],
    formula: (x, targets, weight, sampled) =>
      rowsOf(x, 4).map((row, n) => {
        const shift = random([5], 6).data.map((b, k) => b - random([5], 8).data[k]);
        const score = (k: number) => dot(row, rowsOf(weight, 4)[k]) + shift[k];
        const others = sampled.filter((k) => k !== targets[n]).map(score);
        return surprise([score(targets[n]), ...others], score(targets[n]));
      }),
  },
  {
    name: "histogramLoss of normal distributions, one target out of range",
    loss: "histogramLoss",
    options: { low: -1, high: 2, sigma: 0.7 },
    inputs: [random([3, 4], 1), { shape: [3], data: [0.3, 1.9, 3] }],
    formula: (logits, target) =>
      rowsOf(logits, 4).map((row, n) => {
        const below = (edge: number) => erf((edge - Math.min(target[n], 2)) / (0.7 * Math.SQRT2));
        const edges = [-1, -0.25, 0.5, 1.25, 2].map(below);
        const q = row.map((_, b) => (edges[b + 1] - edges[b]) / (edges[4] - edges[0]));
        return -dot(q, softmax(row).map(Math.log));
      }),
  },
  {
    name: "histogramLoss of two bins each",
    loss: "histogramLoss",
    options: { low: 0, high: 4, sigma: 0 },
    inputs: [random([4, 4], 1), { shape: [4], data: [0.2, 0.75, 2.5, 3.9] }],
    formula: (logits, target) =>
      rowsOf(logits, 4).map((row, n) => {
        const t = Math.min(Math.max(target[n], 0.5), 3.5);
        const q = row.map((_, b) => Math.max(0, 1 - Math.abs(t - (b + 0.5))));
        return -dot(q, softmax(row).map(Math.log));
      }),
  },
  {
    name: "chainCrfLoss, lengths, over all labellings",
    loss: "chainCrfLoss",
    options: { lengths: [3, 2] },
    inputs: chainInputs,
    gradients: [0, 1],
    formula: chains((all, truth) =>
      surprise(
        all.map(({ score }) => score),
        truth,
      ),
    ),
  },
  {
    name: "chainHingeLoss, lengths, over all labellings",
    loss: "chainHingeLoss",
    options: { lengths: [3, 2], margin: 0.8 },
    inputs: chainInputs,
    gradients: [0, 1],
    formula: chains((all, truth) => Math.max(...all.map(({ score, wrong }) => score + 0.8 * wrong)) - truth),
  },
];
