/** The registries of `fovea/nn`: one row for each layer, activation, loss and initialiser. */
import { Registry } from "../util/registry.js";
import { geluEntry } from "./activation/gelu.js";
import { reluEntry } from "./activation/relu.js";
import { relu6Entry } from "./activation/relu6.js";
import { flattenEntry } from "./container.js";
import { conv2dEntry } from "./conv.js";
import { dropoutEntry } from "./dropout.js";
import { kaimingNormalEntry, kaimingUniformEntry, xavierNormalEntry, xavierUniformEntry } from "./init.js";
import { linearEntry } from "./linear.js";
import { crossEntropyEntry } from "./loss/cross-entropy.js";
import { mseLossEntry } from "./loss/mse.js";
import { batchNorm1dEntry, batchNorm2dEntry, batchNorm3dEntry } from "./norm/batch.js";
import { groupNormEntry } from "./norm/group.js";
import { instanceNorm1dEntry, instanceNorm2dEntry, instanceNorm3dEntry } from "./norm/instance.js";
import { layerNormEntry } from "./norm/layer.js";
import { localResponseNormEntry } from "./norm/local-response.js";
import { rmsNormEntry } from "./norm/rms.js";
import { adaptiveAvgPool2dEntry, avgPool2dEntry, maxPool2dEntry } from "./pool.js";

/** Activations by the names of their functions. */
export const activations = /* @__PURE__ */ new Registry("activation", [
  reluEntry, //
  relu6Entry,
  geluEntry,
]);

/** Layers by the names of their classes; those of activations come from the registry above. */
export const layers = /* @__PURE__ */ new Registry("layer", [
  linearEntry,
  conv2dEntry,
  batchNorm1dEntry,
  batchNorm2dEntry,
  batchNorm3dEntry,
  layerNormEntry,
  groupNormEntry,
  instanceNorm1dEntry,
  instanceNorm2dEntry,
  instanceNorm3dEntry,
  rmsNormEntry,
  localResponseNormEntry,
  maxPool2dEntry,
  avgPool2dEntry,
  adaptiveAvgPool2dEntry,
  dropoutEntry,
  flattenEntry,
  ...activations.entries.map(({ layer }) => layer),
]);

/** Losses by the names of their functions. */
export const losses = /* @__PURE__ */ new Registry("loss", [
  crossEntropyEntry, //
  mseLossEntry,
]);

/** Initial values of weights by the names of their functions. */
export const initialisers = /* @__PURE__ */ new Registry("initialiser", [
  kaimingUniformEntry,
  kaimingNormalEntry,
  xavierUniformEntry,
  xavierNormalEntry,
]);
