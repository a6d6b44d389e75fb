/**
 * Structured losses of chains: sequences whose labels depend on their neighbours. A labelling y has the score
 * `Σ_t emissions[t, y_t] + Σ_t transitions[y_(t−1), y_t]`; sums and maxima over all labellings are recursions over t.
 */
import { shapeError } from "../../tensor/check.js";
import { arange, stack, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { nullable, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { checkIndices, checkRank, checkShapeOf, type LossOptions, reduce, reductionKind } from "./reduction.js";
import { checkLengths, type Lengths, lengthsKind } from "./sequence.js";
import { logSumExp } from "./stable.js";
import { checkClasses, classMask, IGNORED, inClasses } from "./targets.js";

/** Options of `viterbi`. */
export interface ChainOptions {
  /** Number of positions of each sequence, `[N]`, from 1 to T; what is behind is ignored. Default T. */
  readonly lengths?: Lengths | null;
}

export interface ChainCrfLossOptions extends ChainOptions, LossOptions {}

export interface ChainHingeLossOptions extends ChainOptions, LossOptions {
  /** Score Δ by which each wrong label of another labelling lowers what it may reach. Default 1, range ≥ 0. */
  readonly margin?: number;
}

const lengths = nullable(lengthsKind);
const scores = { emissions: tensorKind, transitions: tensorKind };
const crfParameters = takes<ChainCrfLossOptions>(
  { ...scores, labels: tensorKind },
  { lengths, reduction: reductionKind },
);
const hingeParameters = takes<ChainHingeLossOptions>(
  { ...scores, labels: tensorKind },
  { lengths, margin: range(0, Number.POSITIVE_INFINITY), reduction: reductionKind },
);

/** Scores that fit together, and for each position whether the sequence has it. */
interface Chain {
  readonly emissions: Tensor;
  readonly transitions: Tensor;
  /** `[N, T]`; null if all sequences have T positions. */
  readonly isWithin: Tensor | null;
  /** Whether the length of each sequence is in range, `[N]`; null if all have T positions. */
  readonly isValid: Tensor | null;
}

function checkChain(op: string, emissions: Tensor, transitions: Tensor, given: Lengths | null | undefined): Chain {
  checkRank(op, "emissions", emissions, 3, "[N, T, K]");
  const [N, T, K] = emissions.shape;
  if (T === 0 || K === 0) {
    const problem = `expected emissions of at least one position and label, got emissions ${shapeText(emissions.shape)}`;
    throw shapeError(op, problem, "Leave out empty sequences");
  }
  checkShapeOf(op, "transitions", transitions, [K, K]);
  const known = given ? checkLengths(op, "lengths", given, { batch: N, least: 1, most: T }) : null;
  const isWithin = known && arange(T).lt(known.tensor.unsqueeze(1));
  return { emissions: floats(emissions), transitions: floats(transitions), isWithin, isValid: known?.isValid ?? null };
}

function checkLabels(op: string, { emissions }: Chain, labels: Tensor): void {
  const [N, T, K] = emissions.shape;
  checkIndices(op, "labels", labels);
  checkShapeOf(op, "labels", labels, [N, T]);
  checkClasses(op, labels, K, IGNORED);
}

/** Combines the scores of all labellings, `[N]`; `combine` reduces axis 1 of `[N, K, K]` and of `[N, K]`. */
function overLabellings({ emissions, transitions, isWithin }: Chain, combine: (x: Tensor) => Tensor): Tensor {
  let best = emissions.select(1, 0); // [N, K], of all labellings that end so far in each label
  for (let t = 1; t < emissions.shape[1]; t++) {
    const next = combine(best.unsqueeze(2).add(transitions)).add(emissions.select(1, t));
    best = isWithin ? isWithin.slice(1, t, t + 1).where(next, best) : next;
  }
  return combine(best);
}

/** The score of one labelling, `[N]`; NaN if it has a label that is none, or if the length is out of range. */
function scoreOf({ emissions, transitions, isWithin, isValid }: Chain, labels: Tensor): Tensor {
  const [N, T, K] = emissions.shape;
  const isLabel = classMask(labels.reshape([N * T]), K).reshape([N, T, K]);
  const valid = inClasses(labels, K);
  const ofPositions = valid.where(isLabel.where(emissions, 0).sum({ dim: 2 }), Number.NaN); // [N, T]
  const counted = isWithin ? isWithin.where(ofPositions, 0) : ofPositions;
  const score = counted.sum({ dim: 1 });
  const known = isValid ? isValid.where(score, Number.NaN) : score;
  if (T === 1) return known;
  const inside = valid.where(labels, 0);
  const places = inside
    .slice(1, 0, T - 1)
    .mul(K)
    .add(inside.slice(1, 1, T)); // [N, T − 1]
  const steps = transitions.reshape([K * K]).take(places);
  return known.add((isWithin ? isWithin.slice(1, 1, T).where(steps, 0) : steps).sum({ dim: 1 }));
}

/**
 * Negative log-likelihood of a linear-chain conditional random field.
 *
 * Shape: `emissions [N, T, K], transitions [K, K], labels [N, T] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss = log Σ_y e^score(y) − score(labels)`, by the forward algorithm.
 * A label that is none is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param emissions score of each label at each position
 * @param transitions score of each label (column) behind another (row)
 * @param labels i32, from 0 to K − 1
 * @throws ShapeError if the shapes do not fit together; DTypeError if the labels are not i32; DataError if a label or
 * length is out of range
 * @see Lafferty et al. 2001, "Conditional Random Fields"
 * @example
 * const loss = chainCrfLoss(zeros([1, 3, 2]), zeros([2, 2]), zeros([1, 3], { dtype: "i32" })); // 2.0794
 */
export const chainCrfLoss = checked(
  "chainCrfLoss",
  crfParameters,
  (emissions: Tensor, transitions: Tensor, labels: Tensor, options: ChainCrfLossOptions = {}): Tensor => {
    const chain = checkChain("chainCrfLoss", emissions, transitions, options.lengths);
    checkLabels("chainCrfLoss", chain, labels);
    const all = overLabellings(chain, (x) => logSumExp(x, 1));
    return reduce(all.sub(scoreOf(chain, labels)), options.reduction ?? "mean");
  },
);

/**
 * Structured hinge loss of a chain, that of a structured support vector machine: the score of the labels is to exceed that
 * of any other labelling by the margin times the number of its wrong labels. The most violating labelling is found by
 * Viterbi's algorithm on scores that the margin augments, and the gradient is the subgradient there: emissions and
 * transitions of that labelling minus those of the labels.
 *
 * Shape: `emissions [N, T, K], transitions [K, K], labels [N, T] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss = max_y (score(y) + Δ · Σ_t [y_t ≠ labels_t]) − score(labels)`.
 * A label that is none is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param emissions score of each label at each position
 * @param transitions score of each label (column) behind another (row)
 * @param labels i32, from 0 to K − 1
 * @throws ShapeError if the shapes do not fit together; DTypeError if the labels are not i32; DataError if a label or
 * length is out of range
 * @see Tsochantaridis et al. 2005, "Large Margin Methods for Structured and Interdependent Output Variables"
 * @example
 * const loss = chainHingeLoss(zeros([1, 3, 2]), zeros([2, 2]), zeros([1, 3], { dtype: "i32" })); // 3
 */
export const chainHingeLoss = checked(
  "chainHingeLoss",
  hingeParameters,
  (emissions: Tensor, transitions: Tensor, labels: Tensor, options: ChainHingeLossOptions = {}): Tensor => {
    const { margin = 1, reduction = "mean" } = options;
    const chain = checkChain("chainHingeLoss", emissions, transitions, options.lengths);
    checkLabels("chainHingeLoss", chain, labels);
    const [N, T, K] = chain.emissions.shape;
    const isLabel = classMask(labels.reshape([N * T]), K).reshape([N, T, K]);
    const augmented = isLabel.where(chain.emissions, chain.emissions.add(margin));
    const worst = overLabellings({ ...chain, emissions: augmented }, (x) => x.max({ dim: 1 }));
    return reduce(worst.sub(scoreOf(chain, labels)), reduction);
  },
);

/**
 * The labelling of the highest score, by Viterbi's algorithm; −100 at positions that a sequence does not have.
 *
 * Shape: `emissions [N, T, K], transitions [K, K] -> [N, T]`, i32.
 *
 * @param emissions score of each label at each position
 * @param transitions score of each label (column) behind another (row)
 * @throws ShapeError if the shapes do not fit together; DataError if a length is out of range
 * @see Viterbi 1967, "Error Bounds for Convolutional Codes and an Asymptotically Optimum Decoding Algorithm"
 * @example
 * const labels = viterbi(tensor([[[1, 0], [0, 0.5], [1, 0]]]), tensor([[1, 0], [0, 1]])); // [[0, 0, 0]]
 */
export const viterbi = checked(
  "viterbi",
  takes<ChainOptions>(scores, { lengths }),
  (emissions: Tensor, transitions: Tensor, options: ChainOptions = {}): Tensor => {
    const chain = checkChain("viterbi", emissions.detach(), transitions.detach(), options.lengths);
    const { isWithin } = chain;
    const [, T, K] = chain.emissions.shape;
    let best = chain.emissions.select(1, 0); // [N, K]
    const before: Tensor[] = []; // for t ≥ 1, the label before each label, [N, K]
    for (let t = 1; t < T; t++) {
      const steps = best.unsqueeze(2).add(chain.transitions); // [N, K, K]
      const next = steps.max({ dim: 1 }).add(chain.emissions.select(1, t));
      const from = steps.argmax({ dim: 1 });
      const within = isWithin?.slice(1, t, t + 1);
      best = within ? within.where(next, best) : next;
      before.push(within ? within.where(from, arange(K)) : from); // behind the end the label stays
    }
    const labels = [best.argmax({ dim: 1 })]; // [N], from the last position on
    for (const from of before.reverse()) {
      labels.push(from.gather(1, labels[labels.length - 1].unsqueeze(1)).squeeze({ dim: 1 }));
    }
    const found = stack(labels.reverse(), { dim: 1 });
    return isWithin ? isWithin.where(found, IGNORED) : found;
  },
);

export const chainCrfLossEntry = lossEntry("chainCrfLoss", crfParameters, chainCrfLoss);
export const chainHingeLossEntry = lossEntry("chainHingeLoss", hingeParameters, chainHingeLoss);
