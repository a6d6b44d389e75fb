/** The registries of losses and of the distances that they are made of: one row each. */
import { Registry } from "../../util/registry.js";
import { binaryCrossEntropyEntry } from "./binary-cross-entropy.js";
import { binaryCrossEntropyWithLogitsEntry } from "./binary-cross-entropy-with-logits.js";
import { chainCrfLossEntry, chainHingeLossEntry } from "./chain.js";
import { infoNceEntry, ntXentEntry, supConEntry } from "./contrastive.js";
import { cosineEmbeddingLossEntry } from "./cosine-embedding.js";
import { crossEntropyEntry } from "./cross-entropy.js";
import { ctcLossEntry } from "./ctc.js";
import { cosineSimilarityEntry, pairwiseDistanceEntry } from "./distance.js";
import { focalLossEntry } from "./focal.js";
import { gaussianNllLossEntry } from "./gaussian-nll.js";
import { hierarchicalSoftmaxLossEntry } from "./hierarchical-softmax.js";
import { hingeEmbeddingLossEntry } from "./hinge-embedding.js";
import { histogramLossEntry } from "./histogram.js";
import { huberLossEntry } from "./huber.js";
import { klDivEntry } from "./kl-div.js";
import { l1LossEntry } from "./l1.js";
import { logCoshLossEntry } from "./log-cosh.js";
import { marginRankingLossEntry } from "./margin-ranking.js";
import { mseLossEntry } from "./mse.js";
import { multiMarginLossEntry } from "./multi-margin.js";
import { multilabelMarginLossEntry } from "./multilabel-margin.js";
import { multilabelSoftMarginLossEntry } from "./multilabel-soft-margin.js";
import { nllLossEntry } from "./nll.js";
import { diceLossEntry, focalTverskyLossEntry, jaccardLossEntry, tverskyLossEntry } from "./overlap.js";
import { poissonNllLossEntry } from "./poisson-nll.js";
import { quantileLossEntry } from "./quantile.js";
import { negativeSamplingLossEntry, sampledSoftmaxLossEntry } from "./sampling.js";
import { sigmoidFocalLossEntry } from "./sigmoid-focal.js";
import { smoothL1LossEntry } from "./smooth-l1.js";
import { softMarginLossEntry } from "./soft-margin.js";
import { tripletMarginLossEntry, tripletMarginWithDistanceLossEntry } from "./triplet-margin.js";

/** Losses by the names of their functions. */
export const losses = /* @__PURE__ */ new Registry("loss", [
  crossEntropyEntry,
  nllLossEntry,
  focalLossEntry,
  multiMarginLossEntry,
  hierarchicalSoftmaxLossEntry,
  sampledSoftmaxLossEntry,
  negativeSamplingLossEntry,
  binaryCrossEntropyEntry,
  binaryCrossEntropyWithLogitsEntry,
  sigmoidFocalLossEntry,
  softMarginLossEntry,
  multilabelSoftMarginLossEntry,
  multilabelMarginLossEntry,
  mseLossEntry,
  l1LossEntry,
  huberLossEntry,
  smoothL1LossEntry,
  logCoshLossEntry,
  quantileLossEntry,
  histogramLossEntry,
  gaussianNllLossEntry,
  poissonNllLossEntry,
  klDivEntry,
  hingeEmbeddingLossEntry,
  marginRankingLossEntry,
  cosineEmbeddingLossEntry,
  tripletMarginLossEntry,
  tripletMarginWithDistanceLossEntry,
  infoNceEntry,
  ntXentEntry,
  supConEntry,
  diceLossEntry,
  jaccardLossEntry,
  tverskyLossEntry,
  focalTverskyLossEntry,
  ctcLossEntry,
  chainCrfLossEntry,
  chainHingeLossEntry,
]);

/** Distances and similarities by the names of their functions. */
export const distances = /* @__PURE__ */ new Registry("distance", [cosineSimilarityEntry, pairwiseDistanceEntry]);
