/** Losses of very many classes that compare the target with a few sampled classes only, and the sampler. */

import { shapeError } from "../../tensor/check.js";
import { type Generator, type Tensor, tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, checkedConstructor, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { list, nullable, number, range, shape as shapeKind } from "../../util/kinds.js";
import { log1pExp } from "../activation/log1p-exp.js";
import { lossEntry } from "../entries.js";
import { generatorKind } from "../kinds.js";
import { checkIndices, checkRank, checkShapeOf, type LossOptions, reduce, reductionKind } from "./reduction.js";
import { logSumExp } from "./stable.js";
import { checkClasses, inClasses } from "./targets.js";

const negativeParameters = takes<LossOptions>(
  { x: tensorKind, positive: tensorKind, negatives: tensorKind },
  { reduction: reductionKind },
);

/**
 * Negative sampling, the loss of word2vec: a vector is to fit the vector of what occurs with it, and none of the sampled
 * others.
 *
 * Shape: `x, positive [N, F], negatives [N, S, F] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss = −log σ(x · positive) − Σ_s log σ(−x · negative_s)`.
 *
 * @param x vectors, such as rows that `take` selects from an embedding
 * @param positive vectors of what occurs with them
 * @param negatives vectors of classes that a `ClassSampler` draws
 * @throws ShapeError if the shapes do not fit together
 * @see Mikolov et al. 2013, "Distributed Representations of Words and Phrases", arXiv:1310.4546
 * @example
 * const loss = negativeSamplingLoss(tensor([[1, 0]]), tensor([[2, 0]]), tensor([[[0, 1], [-1, 0]]])); // 1.1333
 */
export const negativeSamplingLoss = checked(
  "negativeSamplingLoss",
  negativeParameters,
  (x: Tensor, positive: Tensor, negatives: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
    checkRank("negativeSamplingLoss", "x", x, 2, "[N, F]");
    checkShapeOf("negativeSamplingLoss", "positive", positive, x.shape);
    checkRank("negativeSamplingLoss", "negatives", negatives, 3, "[N, S, F]");
    const [N, F] = x.shape;
    checkShapeOf("negativeSamplingLoss", "negatives", negatives, [N, negatives.shape[1], F]);
    const vectors = floats(x);
    const ofPositive = vectors.mul(positive).sum({ dim: 1 }); // [N]
    const ofNegatives = vectors.unsqueeze(1).mul(negatives).sum({ dim: 2 }); // [N, S]
    return reduce(log1pExp(ofPositive.neg()).add(log1pExp(ofNegatives).sum({ dim: 1 })), reduction);
  },
);

export interface SampledSoftmaxLossOptions extends LossOptions {
  /** Bias of each class, `[K]`. Default none. */
  readonly bias?: Tensor | null;
  /** Logarithm of the probability with which each class is sampled, `[K]`, subtracted from its logit. Default: all equal. */
  readonly logQ?: Tensor | null;
}

const sampledParameters = takes<SampledSoftmaxLossOptions>(
  { x: tensorKind, targets: tensorKind, weight: tensorKind, sampled: tensorKind },
  { bias: nullable(tensorKind), logQ: nullable(tensorKind), reduction: reductionKind },
);

/**
 * Sampled softmax: cross-entropy among the target and sampled classes, whose logits are corrected by the probability with
 * which they are sampled, so that its gradient approaches that of the full softmax as samples become many. A sampled class
 * that is the target of a row does not count there.
 *
 * Shape: `x [N, F], targets [N], weight [K, F], sampled [S] -> []`, or `[N]` with reduction `none`.
 * Formula: `loss = −log( e^o_t / (e^o_t + Σ_{s ≠ t} e^o_s) )`, `o_k = x · weight_k + bias_k − logQ_k`.
 * A target that is no class is an error where its value is known; in a compiled function its loss is NaN.
 *
 * @param targets class indices, i32, from 0 to K − 1
 * @param weight of all classes; only rows of targets and samples are read
 * @param sampled class indices, i32, the same for all rows, such as `sampler.sample([S])`
 * @throws ShapeError if the shapes do not fit together; DTypeError if targets or samples are not i32; DataError if a
 * target is no class
 * @see Jean et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation", arXiv:1412.2007
 * @example
 * const [targets, sampled] = [tensor([0], { dtype: "i32" }), tensor([1, 2], { dtype: "i32" })];
 * const loss = sampledSoftmaxLoss(ones([1, 2]), targets, zeros([5, 2]), sampled); // 1.0986
 */
export const sampledSoftmaxLoss = checked(
  "sampledSoftmaxLoss",
  sampledParameters,
  (x: Tensor, targets: Tensor, weight: Tensor, sampled: Tensor, options: SampledSoftmaxLossOptions = {}): Tensor => {
    const { bias, logQ, reduction = "mean" } = options;
    const op = "sampledSoftmaxLoss";
    checkRank(op, "x", x, 2, "[N, F]");
    checkRank(op, "weight", weight, 2, "[K, F]");
    const [N, F] = x.shape;
    const K = weight.shape[0];
    checkShapeOf(op, "weight", weight, [K, F]);
    checkIndices(op, "targets", targets);
    checkIndices(op, "sampled", sampled);
    checkShapeOf(op, "targets", targets, [N]);
    checkRank(op, "sampled", sampled, 1, "[S]");
    for (const [name, vector] of Object.entries({ bias, logQ })) if (vector) checkShapeOf(op, name, vector, [K]);
    checkClasses(op, targets, K);
    const isClass = inClasses(targets, K);
    const labels = isClass.where(targets, 0);
    /** Bias minus log-probability of classes. */
    const shift = (scores: Tensor, classes: Tensor): Tensor => {
      const biased = bias ? scores.add(bias.take(classes)) : scores;
      return logQ ? biased.sub(logQ.take(classes)) : biased;
    };
    const vectors = floats(x);
    const own = shift(weight.take(labels).mul(vectors).sum({ dim: 1 }), labels); // [N]
    const others = shift(vectors.matmul(weight.take(sampled).transpose()), sampled); // [N, S]
    const isTarget = labels.unsqueeze(1).eq(sampled);
    const ofOthers = logSumExp(isTarget.where(Number.NEGATIVE_INFINITY, others), 1);
    return reduce(isClass.where(log1pExp(ofOthers.sub(own)), Number.NaN), reduction);
  },
);

export interface ClassSamplerOptions {
  /** Exponent of the counts. Default 0.75, as in word2vec; range ≥ 0, where 0 makes all classes equal. */
  readonly power?: number;
}

const samplerParameters = takes<ClassSamplerOptions>(
  { counts: list(number, "an array of counts"), generator: generatorKind },
  { power: range(0, Number.POSITIVE_INFINITY) },
);
const checkSampler = checkedConstructor("ClassSampler", samplerParameters);
/** Classes must be far fewer than the different values of a uniform number. */
const MOST_CLASSES = 2 ** 22;

/**
 * Draws classes in proportion to a power of how often they occur, on the device, by Walker's alias method: two random
 * numbers and two look-ups per draw, however many classes there are.
 *
 * Shape: `sample(shape) -> shape`, i32. Formula: `q_k = counts_k^power / Σ_j counts_j^power`.
 *
 * @param counts how often each class occurs, ≥ 0
 * @param generator source of the random numbers
 * @throws ConfigError if a count is negative or not finite, if all are 0, or if there are more than 2²² classes
 * @see Walker 1977, "An Efficient Method for Generating Discrete Random Variables with General Distributions"
 * @example
 * const sampler = new ClassSampler([10, 5, 1], new Generator(0));
 * const negatives = sampler.sample([32, 5]); // shape [32, 5]
 */
export class ClassSampler {
  /** Logarithms of the probabilities of the classes, `[K]`: `logQ` of `sampledSoftmaxLoss`. */
  readonly logProbabilities: Tensor;
  /** Probability of keeping a place, and the class to take otherwise, `[K]` each. */
  readonly #keep: Tensor;
  readonly #alias: Tensor;

  constructor(
    counts: readonly number[],
    readonly generator: Generator,
    options: ClassSamplerOptions = {},
  ) {
    checkSampler([counts, generator, options]);
    const { power = 0.75 } = options;
    const wrong = counts.find((count) => !(count >= 0 && Number.isFinite(count)));
    if (wrong !== undefined) throw configError("ClassSampler", `got the count ${wrong}`, "Counts are finite and ≥ 0");
    if (counts.length > MOST_CLASSES) {
      throw configError("ClassSampler", `got ${counts.length} classes`, `At most ${MOST_CLASSES} can be sampled`);
    }
    const weights = counts.map((count) => count ** power);
    const total = weights.reduce((a, b) => a + b, 0);
    if (!(total > 0)) throw configError("ClassSampler", "got no count above 0", "Give at least one class a count");
    const { keep, alias } = aliasTable(weights.map((weight) => (weight / total) * weights.length));
    this.logProbabilities = tensor(weights.map((weight) => Math.log(weight / total)));
    this.#keep = tensor(keep);
    this.#alias = tensor(alias, { dtype: "i32" });
  }

  /**
   * Independent draws with replacement.
   *
   * Shape: `-> shape`, i32.
   *
   * @param shape of the result
   * @example
   * const classes = new ClassSampler([1, 0, 0], new Generator(0)).sample([3]); // [0, 0, 0]
   */
  sample(shape: readonly number[]): Tensor {
    if (!shapeKind.accepts(shape)) {
      throw shapeError("sample", "shape must be an array of sizes", "Write sample([32, 5])");
    }
    const K = this.#keep.size;
    const place = this.generator
      .uniform(shape)
      .mul(K)
      .floor()
      .to("i32")
      .minimum(K - 1);
    const isKept = this.generator.uniform(shape).lt(this.#keep.take(place));
    return isKept.where(place, this.#alias.take(place));
  }
}

/** The table of the alias method, from probabilities times their number, whose mean is 1. */
function aliasTable(scaled: readonly number[]): { readonly keep: number[]; readonly alias: number[] } {
  const left = [...scaled];
  const keep = left.map(() => 1);
  const alias = left.map((_, k) => k);
  const small = [...left.keys()].filter((k) => left[k] < 1);
  const large = [...left.keys()].filter((k) => left[k] >= 1);
  while (small.length > 0 && large.length > 0) {
    const below = small.pop() as number;
    const above = large[large.length - 1];
    keep[below] = left[below];
    alias[below] = above;
    left[above] -= 1 - left[below];
    if (left[above] < 1) small.push(large.pop() as number);
  }
  // What is left differs from 1 by rounding; a class of probability 0 always has an alias, unless rounding took it.
  for (const k of small) if (scaled[k] === 0) [keep[k], alias[k]] = [0, scaled.indexOf(Math.max(...scaled))];
  return { keep, alias };
}

export const negativeSamplingLossEntry = lossEntry("negativeSamplingLoss", negativeParameters, negativeSamplingLoss);
export const sampledSoftmaxLossEntry = lossEntry("sampledSoftmaxLoss", sampledParameters, sampledSoftmaxLoss);
