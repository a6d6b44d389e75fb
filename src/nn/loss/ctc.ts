/** Connectionist temporal classification. */
import { shapeError } from "../../tensor/check.js";
import { arange, concat, full, stack, type Tensor, tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError, DataError } from "../../util/errors.js";
import { count, flag } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { lossLayer } from "./layer.js";
import { checkIndices, checkRank, type LossOptions, reduce, reductionKind } from "./reduction.js";
import { checkLengths, type KnownLengths, type Lengths, lengthsKind } from "./sequence.js";
import { logSumExp } from "./stable.js";
import { findKnown } from "./targets.js";

export interface CtcLossOptions extends LossOptions {
  /** Class that stands for no label. Default 0. */
  readonly blank?: number;
  /** Whether targets that are too long for their input have the loss 0, not ∞. Default false. */
  readonly zeroInfinity?: boolean;
}

const parameters = takes<CtcLossOptions>(
  { logProbabilities: tensorKind, targets: tensorKind, inputLengths: lengthsKind, targetLengths: lengthsKind },
  { blank: count(0), reduction: reductionKind, zeroInfinity: flag },
);

/**
 * Connectionist temporal classification: negative log-likelihood of a sequence of labels whose positions in the input are
 * not known, summed over all alignments by the forward algorithm.
 *
 * Shape: `logProbabilities [T, N, C], targets [N, S], inputLengths [N], targetLengths [N] -> []`, or `[N]` with reduction
 * `none`; targets may also be joined, `[Σ targetLengths]`, if the lengths are known.
 * Formula: `loss_n = −log Σ_a Π_t p_t[a_t]` over all a that become the targets if repetitions are merged and blanks
 * removed; the mean is that of `loss_n / max(targetLength_n, 1)`.
 * Lengths and labels out of range are errors where their values are known, else NaN. The gradient is that of the formula;
 * PyTorch's is the same behind `logSoftmax`, and only there.
 *
 * @param logProbabilities such as `logits.logSoftmax(2)`
 * @param targets labels, i32, without blanks; those behind the length of a row are ignored
 * @param inputLengths number of time steps of each input, up to T
 * @param targetLengths number of labels of each target, up to S
 * @throws ShapeError if the shapes do not fit together; DTypeError if targets or lengths are not i32; DataError if a label
 * or length is out of range; ConfigError if joined targets have lengths that are not known
 * @see Graves et al. 2006, "Connectionist Temporal Classification"
 * @example
 * const x = zeros([4, 1, 3]).logSoftmax(2);
 * const loss = ctcLoss(x, tensor([[1, 2]], { dtype: "i32" }), [4], [2], { reduction: "sum" }); // 1.6864
 */
export const ctcLoss = checked(
  "ctcLoss",
  parameters,
  (
    logProbabilities: Tensor,
    targets: Tensor,
    inputLengths: Lengths,
    targetLengths: Lengths,
    options: CtcLossOptions = {},
  ): Tensor => {
    const { blank = 0, zeroInfinity = false, reduction = "mean" } = options;
    checkRank("ctcLoss", "logProbabilities", logProbabilities, 3, "[T, N, C]");
    checkIndices("ctcLoss", "targets", targets);
    const [T, N, C] = logProbabilities.shape;
    if (T === 0) throw shapeError("ctcLoss", "expected at least one time step, got none", "Leave out empty inputs");
    if (blank >= C) throw configError("ctcLoss", `blank is ${blank}, but there are ${C} classes`, "Number them from 0");
    const limit = targets.rank === 2 ? targets.shape[1] : targets.size;
    const inputs = checkLengths("ctcLoss", "inputLengths", inputLengths, { batch: N, most: T });
    const labels = checkLengths("ctcLoss", "targetLengths", targetLengths, { batch: N, most: limit });
    const rows = targets.rank === 1 ? splitRows(targets, labels) : targets;
    if (rows.rank !== 2 || rows.shape[0] !== N) {
      const problem = `expected targets [${N}, S], got targets ${shapeText(targets.shape)}`;
      throw shapeError("ctcLoss", problem, "Give each input one row of labels");
    }
    checkLabels(rows, labels, C, blank);
    const losses = logLikelihood(floats(logProbabilities), rows, inputs.tensor, labels.tensor, blank).neg();
    const finite = zeroInfinity ? losses.eq(Number.POSITIVE_INFINITY).where(0, losses) : losses;
    const valid = inputs.isValid.logicalAnd(labels.isValid).where(finite, Number.NaN);
    if (reduction !== "mean") return reduce(valid, reduction);
    return valid.div(labels.tensor.maximum(1)).mean();
  },
);

/** Joined targets as rows that are filled up with 0. */
function splitRows(targets: Tensor, { values }: KnownLengths): Tensor {
  if (!values) {
    const hint = "Pass targets [N, S], or targetLengths as an array of numbers";
    throw configError("ctcLoss", "joined targets need lengths that are known", hint);
  }
  const total = values.reduce((a, b) => a + b, 0);
  if (total !== targets.size) {
    throw shapeError(
      "ctcLoss",
      `targetLengths add up to ${total}, but there are ${targets.size} targets`,
      "Join all rows",
    );
  }
  const S = Math.max(0, ...values);
  let start = 0;
  const places = values.flatMap((length) => {
    const row = Array.from({ length: S }, (_, k) => (k < length ? start + k : 0));
    start += length;
    return row;
  });
  return targets.take(tensor(places, { shape: [values.length, S], dtype: "i32" }));
}

/** Throws for a label that is no class, or the blank, where labels and lengths are known. */
function checkLabels(rows: Tensor, { values: lengths }: KnownLengths, C: number, blank: number): void {
  if (!lengths) return;
  const S = rows.shape[1];
  const isWrong = (value: number) => value < 0 || value >= C || value === blank;
  const wrong = findKnown(rows, (value, i) => i % S < lengths[Math.floor(i / S)] && isWrong(value));
  if (!wrong) return;
  const at = `[${Math.floor(wrong.place / S)}, ${wrong.place % S}]`;
  const problem = `the label ${wrong.value} at ${at} is ${wrong.value === blank ? "the blank" : `not one of 0 to ${C - 1}`}`;
  throw new DataError(`[ctcLoss] ${problem}`, { hint: "Number the labels from 0, and leave out the blank" });
}

/** `[N]`, by the forward algorithm over the labels with a blank before, between and behind them. */
function logLikelihood(x: Tensor, rows: Tensor, inputs: Tensor, lengths: Tensor, blank: number): Tensor {
  const [T, N] = x.shape;
  const S = rows.shape[1];
  const L = 2 * S + 1;
  const isLabel = arange(S).lt(lengths.unsqueeze(1)); // [N, S]
  const labels = isLabel.where(rows, blank);
  const blanks = full([N, S], blank, { dtype: "i32" });
  const between = stack([blanks, labels], { dim: 2 }).reshape([N, 2 * S]);
  const states = concat([between, full([N, 1], blank, { dtype: "i32" })], { dim: 1 }); // [N, L]
  const emissions = x.gather(2, states.unsqueeze(0).expand([T, N, L])); // [T, N, L]

  const position = arange(L);
  const isOdd = position.mod(2).eq(1);
  // A blank may be left out between two different labels.
  const differs = states.ne(shifted(states, 2, blank));
  const skips = differs.logicalAnd(isOdd).logicalAnd(position.gt(1));
  let alpha = position.lt(2).where(emissions.select(0, 0), Number.NEGATIVE_INFINITY); // [N, L]
  for (let t = 1; t < T; t++) {
    const skipped = skips.where(shifted(alpha, 2), Number.NEGATIVE_INFINITY);
    const reached = logAddExp([alpha, shifted(alpha, 1), skipped]).add(emissions.select(0, t));
    alpha = inputs.gt(t).unsqueeze(1).where(reached, alpha);
  }
  const last = lengths.mul(2).unsqueeze(1);
  const isEnd = position.eq(last).logicalOr(position.eq(last.sub(1)));
  const ends = logSumExp(isEnd.where(alpha, Number.NEGATIVE_INFINITY), 1);
  return inputs.gt(0).where(ends, lengths.gt(0).where(Number.NEGATIVE_INFINITY, 0).to(ends.dtype));
}

/** Columns moved to the right by `by`; `fill` comes in from the left. */
function shifted(x: Tensor, by: number, fill = Number.NEGATIVE_INFINITY): Tensor {
  const L = x.shape[1];
  if (L <= by) return full([...x.shape], fill, { dtype: x.dtype });
  return x.slice(1, 0, L - by).pad(
    [
      [0, 0],
      [by, 0],
    ],
    { value: fill },
  );
}

/** `log Σ e^x` of several tensors, element by element; with a gradient of 0 where all are −∞. */
function logAddExp(terms: readonly Tensor[]): Tensor {
  const largest = terms.reduce((a, b) => a.maximum(b)).detach();
  const shift = largest.eq(Number.NEGATIVE_INFINITY).where(0, largest);
  const sum = terms.map((x) => x.sub(shift).exp()).reduce((a, b) => a.add(b));
  const isZero = sum.eq(0);
  return isZero.where(Number.NEGATIVE_INFINITY, isZero.where(1, sum).log().add(shift));
}

/**
 * The layer of `ctcLoss`.
 *
 * Shape: `logProbabilities [T, N, C], targets [N, S], inputLengths [N], targetLengths [N] -> []`.
 *
 * @example
 * const x = zeros([4, 1, 3]).logSoftmax(2);
 * const loss = new CTCLoss({ reduction: "sum" })(x, tensor([[1, 2]], { dtype: "i32" }), [4], [2]); // 1.6864
 */
export const CTCLoss = lossLayer("CTCLoss", ctcLoss, parameters);
export type CTCLoss = InstanceType<typeof CTCLoss>;

export const ctcLossEntry = lossEntry("ctcLoss", parameters, ctcLoss, CTCLoss);
