/** The losses as functions of tensors, as `functional` exports them: one line each. */
export { accuracy } from "./accuracy.js";
export { type BinaryCrossEntropyOptions, binaryCrossEntropy } from "./binary-cross-entropy.js";
export {
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropyWithLogits,
} from "./binary-cross-entropy-with-logits.js";
export {
  type ChainCrfLossOptions,
  type ChainHingeLossOptions,
  type ChainOptions,
  chainCrfLoss,
  chainHingeLoss,
  viterbi,
} from "./chain.js";
export {
  type ContrastiveOptions,
  type InfoNceOptions,
  infoNce,
  ntXent,
  supCon,
} from "./contrastive.js";
export { type CosineEmbeddingLossOptions, cosineEmbeddingLoss } from "./cosine-embedding.js";
export { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";
export { type CtcLossOptions, ctcLoss } from "./ctc.js";
export {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from "./distance.js";
export { type FocalLossOptions, focalLoss } from "./focal.js";
export { type GaussianNllLossOptions, gaussianNllLoss } from "./gaussian-nll.js";
export {
  type HierarchicalLogProbabilitiesOptions,
  type HierarchicalSoftmaxLossOptions,
  hierarchicalLogProbabilities,
  hierarchicalSoftmaxLoss,
} from "./hierarchical-softmax.js";
export { type HingeEmbeddingLossOptions, hingeEmbeddingLoss } from "./hinge-embedding.js";
export {
  type BinOptions,
  type BinRange,
  binExpectation,
  binQuantile,
  binTargets,
  type HistogramLossOptions,
  histogramLoss,
} from "./histogram.js";
export { type HuberLossOptions, huberLoss } from "./huber.js";
export { type KlDivOptions, klDiv } from "./kl-div.js";
export { l1Loss } from "./l1.js";
export { logCoshLoss } from "./log-cosh.js";
export { type MarginRankingLossOptions, marginRankingLoss } from "./margin-ranking.js";
export { mseLoss } from "./mse.js";
export { type MultiMarginLossOptions, multiMarginLoss } from "./multi-margin.js";
export { multilabelMarginLoss } from "./multilabel-margin.js";
export { type MultilabelSoftMarginLossOptions, multilabelSoftMarginLoss } from "./multilabel-soft-margin.js";
export { type NllLossOptions, nllLoss } from "./nll.js";
export {
  diceLoss,
  type FocalTverskyLossOptions,
  focalTverskyLoss,
  jaccardLoss,
  type OverlapOptions,
  type TverskyLossOptions,
  tverskyLoss,
} from "./overlap.js";
export { type PoissonNllLossOptions, poissonNllLoss } from "./poisson-nll.js";
export { type QuantileLossOptions, quantileLoss } from "./quantile.js";
export type { LossOptions, Reduction } from "./reduction.js";
export { negativeSamplingLoss, type SampledSoftmaxLossOptions, sampledSoftmaxLoss } from "./sampling.js";
export type { Lengths } from "./sequence.js";
export { type SigmoidFocalLossOptions, sigmoidFocalLoss } from "./sigmoid-focal.js";
export { type SmoothL1LossOptions, smoothL1Loss } from "./smooth-l1.js";
export { softMarginLoss } from "./soft-margin.js";
export {
  type TripletMarginLossOptions,
  type TripletMarginWithDistanceLossOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "./triplet-margin.js";
