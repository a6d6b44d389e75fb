/**
 * Losses that PyTorch lacks: the formulas of their papers on plain numbers, in float64. Values are compared with them, and
 * gradients with their central differences. This file must not use the library.
 */

/** Numbers of a shape, in row-major order; whole numbers are indices or labels. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly whole?: boolean;
}

/** A loss with its options, inputs, and what it is by formula. */
export interface FormulaCase {
  readonly name: string;
  readonly loss: string;
  readonly options?: Readonly<Record<string, unknown>>;
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
];
