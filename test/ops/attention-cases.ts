/** Float64 loops for attention and its gradient, each as a case of the structural sweep. Knows plain arrays. */
import { concat, grad, type Tensor, tensor } from "../../src/index.js";
import { attend } from "../../src/tensor/attention.js";
import { coordinatesOf, fill, get, type NdArray, zerosOf } from "../support/arrays.js";
import type { StructuralCase } from "./contraction-cases.js";

/** Sizes of an attention, what it does beside its products, and values added to or multiplied by its operands. */
interface AttentionSizes {
  readonly b: number;
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly e: number;
  readonly scale?: number;
  readonly causal?: boolean;
  /** Bias by coordinates; default none. */
  readonly bias?: (b: number, t: number, s: number) => number;
  /** Factor of the probabilities by coordinates; default none. */
  readonly factor?: (b: number, t: number, s: number) => number;
}

/** What an attention computes at every score. */
interface Attended {
  readonly y: NdArray;
  readonly probabilities: NdArray;
}

const biasAt = ({ causal, bias }: AttentionSizes, b: number, t: number, s: number): number =>
  (causal && s > t ? Number.NEGATIVE_INFINITY : 0) + (bias?.(b, t, s) ?? 0);

/** The definition, row by row: zeros for a row without a key. */
function attended(sizes: AttentionSizes, q: NdArray, k: NdArray, v: NdArray): Attended {
  const { b, t, s, d, e, scale = 1, factor } = sizes;
  const y = zerosOf([b, t, e]);
  const probabilities = zerosOf([b, t, s]);
  for (const [n, i] of coordinatesOf([b, t])) {
    const scores = Array.from({ length: s }, (_, j) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += get(q, [n, i, c]) * get(k, [n, j, c]);
      return scale * sum + biasAt(sizes, n, i, j);
    });
    const largest = Math.max(...scores);
    if (largest === Number.NEGATIVE_INFINITY) continue;
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, j) => {
      probabilities.values[(n * t + i) * s + j] = power / total;
      const weight = (power / total) * (factor?.(n, i, j) ?? 1);
      for (let c = 0; c < e; c++) y.values[(n * t + i) * e + c] += weight * get(v, [n, j, c]);
    });
  }
  return { y, probabilities };
}

/** dq, dk and dv, one behind the other. */
function gradients(sizes: AttentionSizes, q: NdArray, k: NdArray, v: NdArray, dy: NdArray): NdArray {
  const { b, t, s, d, e, scale = 1, factor } = sizes;
  const { y, probabilities } = attended(sizes, q, k, v);
  const [dq, dk, dv] = [zerosOf([b, t, d]), zerosOf([b, s, d]), zerosOf([b, s, e])];
  for (const [n, i, j] of coordinatesOf([b, t, s])) {
    const p = get(probabilities, [n, i, j]);
    const weight = factor?.(n, i, j) ?? 1;
    let dp = 0;
    for (let c = 0; c < e; c++) {
      dp += get(dy, [n, i, c]) * (weight * get(v, [n, j, c]) - get(y, [n, i, c]));
      dv.values[(n * s + j) * e + c] += p * weight * get(dy, [n, i, c]);
    }
    for (let c = 0; c < d; c++) {
      dq.values[(n * t + i) * d + c] += p * dp * scale * get(k, [n, j, c]);
      dk.values[(n * s + j) * d + c] += p * dp * scale * get(q, [n, i, c]);
    }
  }
  const values = [dq, dk, dv].flatMap((x) => [...x.values]);
  return { shape: [values.length], values };
}

function attendAs(sizes: AttentionSizes, q: Tensor, k: Tensor, v: Tensor): Tensor {
  const { b, t, s, scale = 1, causal = false, bias, factor } = sizes;
  const constant = (of: AttentionSizes["bias"]) => {
    const at = of && fill([b, t, s], ([n, i, j]) => of(n, i, j));
    return at ? tensor([...at.values], { shape: at.shape, dtype: q.dtype }) : null;
  };
  return attend(q, k, v, { batch: [b], scale, causal, bias: constant(bias), factor: constant(factor) });
}

const nameOf = ({ b, t, s, d, e, scale, causal, bias, factor }: AttentionSizes): string =>
  [
    `${b} × [${t}, ${d}] with [${s}, ${d}] and [${s}, ${e}]`,
    ...(scale === undefined ? [] : [`scale ${scale}`]),
    ...(causal ? ["causal"] : []),
    ...(bias ? ["bias"] : []),
    ...(factor ? ["factor"] : []),
  ].join(", ");

const shapesOf = ({ b, t, s, d, e }: AttentionSizes) => [
  [b, t, d],
  [b, s, d],
  [b, s, e],
];

const attentionCase = (sizes: AttentionSizes): StructuralCase => ({
  name: nameOf(sizes),
  shapes: shapesOf(sizes),
  build: (q, k, v) => attendAs(sizes, q, k, v),
  meaning: (q, k, v) => attended(sizes, q, k, v).y,
});

const attentionGradCase = (sizes: AttentionSizes): StructuralCase => ({
  name: nameOf(sizes),
  shapes: [...shapesOf(sizes), [sizes.b, sizes.t, sizes.e]],
  build: (q, k, v, gradOutput) => {
    const found = grad(attendAs(sizes, q, k, v), [q, k, v], { gradOutput });
    return concat(
      found.map((x) => x.flatten()),
      { dim: 0 },
    );
  },
  meaning: (q, k, v, dy) => gradients(sizes, q, k, v, dy),
});

/** Factors of dropout with p = ½. */
const dropped = (b: number, t: number, s: number): number => ((7 * b + 3 * t + 5 * s) % 4 < 2 ? 2 : 0);
/** A mask that hides all keys from one query, and some from others. */
const masked = (_: number, t: number, s: number): number =>
  t === 1 || (t + s) % 5 === 0 ? Number.NEGATIVE_INFINITY : 0;

export const attentionCases: readonly StructuralCase[] = [
  attentionCase({ b: 1, t: 1, s: 1, d: 1, e: 1 }),
  attentionCase({ b: 3, t: 5, s: 37, d: 17, e: 9, scale: 0.3 }),
  attentionCase({ b: 2, t: 33, s: 20, d: 16, e: 20, causal: true, scale: 0.25 }),
  // Scores of some hundred, whose exponentials are infinite; gradients would be what rounding leaves of a difference.
  { ...attentionCase({ b: 2, t: 7, s: 9, d: 32, e: 16, scale: 20 }), smooth: false },
  attentionCase({ b: 2, t: 6, s: 35, d: 8, e: 5, bias: masked, factor: dropped }),
];

export const attentionGradCases: readonly StructuralCase[] = [
  attentionGradCase({ b: 1, t: 1, s: 2, d: 1, e: 1 }),
  attentionGradCase({ b: 3, t: 18, s: 21, d: 5, e: 6, causal: true, scale: 0.5 }),
  attentionGradCase({ b: 2, t: 6, s: 17, d: 8, e: 7, bias: masked, factor: dropped, scale: 0.5 }),
];
