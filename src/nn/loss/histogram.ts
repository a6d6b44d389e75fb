/** Regression as classification: the target as a distribution over bins, and what the predicted distribution says. */
import { shapeError } from "../../tensor/check.js";
import { arange, type Tensor } from "../../tensor/index.js";
import { floats, tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { count, finite, needed, range } from "../../util/kinds.js";
import { shapeText } from "../checks.js";
import { lossEntry } from "../entries.js";
import { checkShapeOf, type LossOptions, reduce, reductionKind } from "./reduction.js";

/** The interval that bins of equal width divide. */
export interface BinRange {
  /** Lower end of the first bin. */
  readonly low: number;
  /** Upper end of the last bin, above `low`. */
  readonly high: number;
}

/** Options of `binTargets`. */
export interface BinOptions extends BinRange {
  /**
   * Standard deviation of the normal distribution around the target; 0 divides each target among the two bins whose
   * centres are next to it. Default 0.75 bins, range ≥ 0.
   */
  readonly sigma?: number;
}

export interface HistogramLossOptions extends BinOptions, LossOptions {}

const rangeKinds = { low: needed(finite), high: needed(finite) };
const sigma = range(0, Number.POSITIVE_INFINITY);
const lossParameters = takes<HistogramLossOptions>(
  { logits: tensorKind, target: tensorKind },
  { ...rangeKinds, sigma, reduction: reductionKind },
);

/** Width of the bins. */
function widthOf(op: string, { low, high }: BinRange, bins: number): number {
  if (!(high > low))
    throw configError(op, `high must be above low, got ${low} to ${high}`, "Give the range of the targets");
  if (bins < 2) throw shapeError(op, `expected at least two bins, got ${bins}`, "Give the last layer more outputs");
  return (high - low) / bins;
}

/**
 * Targets as distributions over bins: a normal distribution around each target, or its two nearest bins. Targets out of
 * range count as the end of the range.
 *
 * Shape: `target [...] -> [..., bins]`.
 * Formula: `q_b = (Φ((e_(b+1) − t)/σ) − Φ((e_b − t)/σ)) / (Φ((high − t)/σ) − Φ((low − t)/σ))`, e the edges of the bins.
 *
 * @throws ConfigError if the range is empty
 * @see Imani & White 2018, "Improving Regression Performance with Distributional Losses", arXiv:1806.04613
 * @example
 * const q = binTargets(tensor([0.75]), 4, { low: 0, high: 2, sigma: 0 }); // [[0, 1, 0, 0]]
 */
export const binTargets = checked(
  "binTargets",
  takes<BinOptions>({ target: tensorKind, bins: count(2) }, { ...rangeKinds, sigma }),
  (target: Tensor, bins: number, options: BinOptions): Tensor => distribute("binTargets", target, bins, options),
);

function distribute(op: string, target: Tensor, bins: number, options: BinOptions): Tensor {
  const { low, high } = options;
  const width = widthOf(op, options, bins);
  const { sigma = 0.75 * width } = options;
  const t = floats(target).unsqueeze(-1);
  if (sigma === 0) {
    const places = t
      .sub(low)
      .div(width)
      .sub(0.5)
      .clamp({ min: 0, max: bins - 1 }); // in units of bins, from the first centre
    return places.sub(arange(bins)).abs().neg().add(1).relu();
  }
  const edges = arange(bins + 1, { dtype: t.dtype })
    .mul(width)
    .add(low);
  const below = edges
    .sub(t.clamp({ min: low, max: high }))
    .div(sigma * Math.SQRT2)
    .erf(); // 2Φ − 1
  const mass = below.slice(-1, 1, bins + 1).sub(below.slice(-1, 0, bins));
  return mass.div(below.slice(-1, bins, bins + 1).sub(below.slice(-1, 0, 1)));
}

function checkBins(op: string, logits: Tensor): number {
  if (logits.rank > 0) return logits.shape[logits.rank - 1];
  throw shapeError(op, `expected logits [..., bins], got logits ${shapeText(logits.shape)}`, "Add the axis of bins");
}

/**
 * Histogram loss: cross-entropy between the predicted distribution over bins and the target as a distribution. With
 * `sigma` above 0 it is HL-Gauss, with `sigma: 0` the two-hot loss.
 *
 * Shape: `logits [..., bins], target [...] -> []`, or `[...]` with reduction `none`.
 * Formula: `loss = −Σ_b q_b · log p_b`, `p = softmax(logits)`, q as `binTargets` makes it.
 *
 * @param options.low lower end of the first bin
 * @param options.high upper end of the last bin
 * @throws ShapeError if the shapes do not fit together; ConfigError if the range is empty
 * @see Farebrother et al. 2024, "Stop Regressing: Training Value Functions via Classification", arXiv:2403.03950
 * @example
 * const loss = histogramLoss(zeros([1, 4]), tensor([0.75]), { low: 0, high: 2 }); // 1.3863
 */
export const histogramLoss = checked(
  "histogramLoss",
  lossParameters,
  (logits: Tensor, target: Tensor, options: HistogramLossOptions): Tensor => {
    const bins = checkBins("histogramLoss", logits);
    checkShapeOf("histogramLoss", "target", target, logits.shape.slice(0, -1));
    const q = distribute("histogramLoss", target, bins, options);
    return reduce(q.mul(logits.logSoftmax(-1)).sum({ dim: -1 }).neg(), options.reduction ?? "mean");
  },
);

/**
 * Expectation of the predicted distribution, with the mass of each bin at its centre.
 *
 * Shape: `logits [..., bins] -> [...]`. Formula: `Σ_b p_b · centre_b`, `p = softmax(logits)`.
 *
 * @throws ShapeError if there are fewer than two bins; ConfigError if the range is empty
 * @example
 * const mean = binExpectation(zeros([1, 4]), { low: 0, high: 2 }); // [1]
 */
export const binExpectation = checked(
  "binExpectation",
  takes<BinRange>({ logits: tensorKind }, rangeKinds),
  (logits: Tensor, options: BinRange): Tensor => {
    const bins = checkBins("binExpectation", logits);
    const width = widthOf("binExpectation", options, bins);
    const p = logits.softmax(-1);
    const centres = arange(bins, { dtype: p.dtype }).add(0.5).mul(width).add(options.low);
    return p.mul(centres).sum({ dim: -1 });
  },
);

/**
 * Quantile of the predicted distribution, with the mass of each bin spread evenly over it.
 *
 * Shape: `logits [..., bins] -> [...]`. Formula: the value below which the share q of the mass lies.
 *
 * @param q share, from 0 to 1
 * @throws ShapeError if there are fewer than two bins; ConfigError if the range is empty
 * @example
 * const quantile = binQuantile(zeros([1, 4]), 0.25, { low: 0, high: 2 }); // [0.5]
 */
export const binQuantile = checked(
  "binQuantile",
  takes<BinRange>({ logits: tensorKind, q: range(0, 1) }, rangeKinds),
  (logits: Tensor, q: number, options: BinRange): Tensor => {
    const bins = checkBins("binQuantile", logits);
    const width = widthOf("binQuantile", options, bins);
    const p = logits.softmax(-1).unsqueeze(-2); // [..., 1, bins]
    const isBefore = arange(bins).unsqueeze(1).gt(arange(bins)); // [bins, bins]
    const before = isBefore.where(p, 0).sum({ dim: -1 }); // [..., bins], the mass below each bin
    const own = p.squeeze({ dim: -2 });
    // The share of each bin that lies below the quantile: 1, then a part of one bin, then 0.
    const isEmpty = own.eq(0);
    const shares = isEmpty.where(before.lt(q).to(own.dtype), before.neg().add(q).div(isEmpty.where(1, own)));
    return shares.clamp({ min: 0, max: 1 }).sum({ dim: -1 }).mul(width).add(options.low);
  },
);

export const histogramLossEntry = lossEntry("histogramLoss", lossParameters, histogramLoss);
