/** The registries of `fovea/nn`: one row for each layer, activation and initialiser; losses have their own. */
import { Registry } from "../util/registry.js";
import { celuEntry, eluEntry, seluEntry } from "./activation/elu.js";
import { geluEntry } from "./activation/gelu.js";
import { gluEntry, maxoutEntry } from "./activation/glu.js";
import { hardsigmoidEntry, hardswishEntry, hardtanhEntry } from "./activation/hard.js";
import { leakyReluEntry } from "./activation/leaky-relu.js";
import { preluEntry } from "./activation/prelu.js";
import { reluEntry } from "./activation/relu.js";
import { relu6Entry } from "./activation/relu6.js";
import { hardshrinkEntry, softshrinkEntry, thresholdEntry } from "./activation/shrink.js";
import { logSigmoidEntry, sigmoidEntry } from "./activation/sigmoid.js";
import { mishEntry, siluEntry } from "./activation/silu.js";
import { softplusEntry, softsignEntry } from "./activation/soft.js";
import { logSoftmaxEntry, softmaxEntry, softminEntry } from "./activation/softmax.js";
import { tanhEntry, tanhshrinkEntry } from "./activation/tanh.js";
import { transformerDecoderEntry } from "./attention/decoder.js";
import { transformerDecoderLayerEntry } from "./attention/decoder-layer.js";
import { transformerEncoderEntry } from "./attention/encoder.js";
import { transformerEncoderLayerEntry } from "./attention/encoder-layer.js";
import { learnedPositionalEncodingEntry } from "./attention/learned-positions.js";
import { multiheadAttentionEntry } from "./attention/multihead.js";
import { rotaryEmbeddingEntry } from "./attention/rotary.js";
import { sinePositionalEncodingEntry } from "./attention/sine-positions.js";
import { sinePositionalEncoding2dEntry } from "./attention/sine-positions-2d.js";
import { bilinearEntry } from "./bilinear.js";
import { flattenEntry } from "./container.js";
import { conv1dEntry, conv2dEntry, conv3dEntry } from "./conv.js";
import { convTranspose1dEntry, convTranspose2dEntry, convTranspose3dEntry } from "./conv-transpose.js";
import { embeddingBagEntry } from "./embedding/bag.js";
import { embeddingEntry } from "./embedding/embedding.js";
import { constantEntry, normalEntry, truncNormalEntry, uniformEntry } from "./init/plain.js";
import {
  kaimingNormalEntry,
  kaimingUniformEntry,
  lecunNormalEntry,
  lecunUniformEntry,
  xavierNormalEntry,
  xavierUniformEntry,
} from "./init/scaled.js";
import { diracEntry, identityEntry, orthogonalEntry, sparseEntry } from "./init/structured.js";
import { linearEntry } from "./linear.js";
import { batchNorm1dEntry, batchNorm2dEntry, batchNorm3dEntry } from "./norm/batch.js";
import { groupNormEntry } from "./norm/group.js";
import { instanceNorm1dEntry, instanceNorm2dEntry, instanceNorm3dEntry } from "./norm/instance.js";
import { layerNormEntry } from "./norm/layer.js";
import { localResponseNormEntry } from "./norm/local-response.js";
import { rmsNormEntry } from "./norm/rms.js";
import {
  circularPad1dEntry,
  circularPad2dEntry,
  circularPad3dEntry,
  constantPad1dEntry,
  constantPad2dEntry,
  constantPad3dEntry,
  reflectionPad1dEntry,
  reflectionPad2dEntry,
  reflectionPad3dEntry,
  replicationPad1dEntry,
  replicationPad2dEntry,
  replicationPad3dEntry,
  zeroPad1dEntry,
  zeroPad2dEntry,
  zeroPad3dEntry,
} from "./padding/layers.js";
import {
  adaptiveAvgPool1dEntry,
  adaptiveAvgPool2dEntry,
  adaptiveAvgPool3dEntry,
  adaptiveMaxPool1dEntry,
  adaptiveMaxPool2dEntry,
  adaptiveMaxPool3dEntry,
} from "./pool/adaptive-layers.js";
import { lpPool1dEntry, lpPool2dEntry, lpPool3dEntry } from "./pool/lp.js";
import {
  avgPool1dEntry,
  avgPool2dEntry,
  avgPool3dEntry,
  maxPool1dEntry,
  maxPool2dEntry,
  maxPool3dEntry,
} from "./pool/sliding.js";
import { maxUnpool1dEntry, maxUnpool2dEntry, maxUnpool3dEntry } from "./pool/unpool.js";
import { gruCellEntry, gruEntry } from "./recurrent/gru.js";
import { lstmCellEntry, lstmEntry } from "./recurrent/lstm.js";
import { rnnCellEntry, rnnEntry } from "./recurrent/rnn.js";
import { alphaDropoutEntry, featureAlphaDropoutEntry } from "./regularisation/alpha-dropout.js";
import { dropout1dEntry, dropout2dEntry, dropout3dEntry } from "./regularisation/channel-dropout.js";
import { dropBlock2dEntry } from "./regularisation/drop-block.js";
import { dropoutEntry } from "./regularisation/dropout.js";
import { stochasticDepthEntry } from "./regularisation/stochastic-depth.js";
import { foldEntry, unfoldEntry } from "./resample/columns.js";
import { channelShuffleEntry, pixelShuffleEntry, pixelUnshuffleEntry } from "./resample/shuffle.js";
import { upsampleEntry } from "./resample/upsample.js";
import { identityLayerEntry, unflattenEntry } from "./structure/layers.js";

/** Activations by the names of their functions. */
export const activations = /* @__PURE__ */ new Registry("activation", [
  reluEntry,
  relu6Entry,
  leakyReluEntry,
  eluEntry,
  celuEntry,
  seluEntry,
  geluEntry,
  siluEntry,
  mishEntry,
  hardswishEntry,
  sigmoidEntry,
  logSigmoidEntry,
  hardsigmoidEntry,
  tanhEntry,
  tanhshrinkEntry,
  hardtanhEntry,
  softplusEntry,
  softsignEntry,
  hardshrinkEntry,
  softshrinkEntry,
  thresholdEntry,
  softmaxEntry,
  softminEntry,
  logSoftmaxEntry,
  gluEntry,
  maxoutEntry,
]);

/** Layers by the names of their classes; those of activations come from the registry above. */
export const layers = /* @__PURE__ */ new Registry("layer", [
  linearEntry,
  bilinearEntry,
  embeddingEntry,
  embeddingBagEntry,
  conv1dEntry,
  conv2dEntry,
  conv3dEntry,
  convTranspose1dEntry,
  convTranspose2dEntry,
  convTranspose3dEntry,
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
  maxPool1dEntry,
  maxPool2dEntry,
  maxPool3dEntry,
  avgPool1dEntry,
  avgPool2dEntry,
  avgPool3dEntry,
  adaptiveAvgPool1dEntry,
  adaptiveAvgPool2dEntry,
  adaptiveAvgPool3dEntry,
  adaptiveMaxPool1dEntry,
  adaptiveMaxPool2dEntry,
  adaptiveMaxPool3dEntry,
  lpPool1dEntry,
  lpPool2dEntry,
  lpPool3dEntry,
  maxUnpool1dEntry,
  maxUnpool2dEntry,
  maxUnpool3dEntry,
  upsampleEntry,
  pixelShuffleEntry,
  pixelUnshuffleEntry,
  channelShuffleEntry,
  unfoldEntry,
  foldEntry,
  circularPad1dEntry,
  circularPad2dEntry,
  circularPad3dEntry,
  constantPad1dEntry,
  constantPad2dEntry,
  constantPad3dEntry,
  reflectionPad1dEntry,
  reflectionPad2dEntry,
  reflectionPad3dEntry,
  replicationPad1dEntry,
  replicationPad2dEntry,
  replicationPad3dEntry,
  zeroPad1dEntry,
  zeroPad2dEntry,
  zeroPad3dEntry,
  dropoutEntry,
  dropout1dEntry,
  dropout2dEntry,
  dropout3dEntry,
  alphaDropoutEntry,
  featureAlphaDropoutEntry,
  stochasticDepthEntry,
  dropBlock2dEntry,
  multiheadAttentionEntry,
  transformerEncoderLayerEntry,
  transformerEncoderEntry,
  transformerDecoderLayerEntry,
  transformerDecoderEntry,
  sinePositionalEncodingEntry,
  sinePositionalEncoding2dEntry,
  learnedPositionalEncodingEntry,
  rotaryEmbeddingEntry,
  rnnEntry,
  lstmEntry,
  gruEntry,
  rnnCellEntry,
  lstmCellEntry,
  gruCellEntry,
  flattenEntry,
  unflattenEntry,
  identityLayerEntry,
  preluEntry,
  ...activations.entries.map(({ layer }) => layer),
]);

/** Initial values of weights by the names of their functions. */
export const initialisers = /* @__PURE__ */ new Registry("initialiser", [
  kaimingUniformEntry,
  kaimingNormalEntry,
  xavierUniformEntry,
  xavierNormalEntry,
  lecunUniformEntry,
  lecunNormalEntry,
  constantEntry,
  normalEntry,
  uniformEntry,
  truncNormalEntry,
  sparseEntry,
  orthogonalEntry,
  identityEntry,
  diracEntry,
]);
