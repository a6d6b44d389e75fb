/** The public face of `fovea/nn`: modules, layers, their initialisation, and the functions behind them. */

export type { Pair } from "../tensor/sizes.js";
export type { LoadReport, StateValue } from "../tensor/state.js";
export { CELU, type CELUOptions, ELU, type ELUOptions, SELU } from "./activation/elu.js";
export { GELU, type GELUOptions } from "./activation/gelu.js";
export { GLU, type GLUOptions, Maxout, type MaxoutOptions } from "./activation/glu.js";
export { Hardsigmoid, Hardswish, Hardtanh, type HardtanhOptions } from "./activation/hard.js";
export { LeakyReLU, type LeakyReLUOptions } from "./activation/leaky-relu.js";
export { PReLU, type PReLUOptions } from "./activation/prelu.js";
export { ReLU } from "./activation/relu.js";
export { ReLU6 } from "./activation/relu6.js";
export {
  Hardshrink,
  type HardshrinkOptions,
  Softshrink,
  type SoftshrinkOptions,
  Threshold,
} from "./activation/shrink.js";
export { LogSigmoid, Sigmoid } from "./activation/sigmoid.js";
export { Mish, SiLU } from "./activation/silu.js";
export { Softplus, type SoftplusOptions, Softsign } from "./activation/soft.js";
export { LogSoftmax, Softmax, Softmin } from "./activation/softmax.js";
export { Tanh, Tanhshrink } from "./activation/tanh.js";
export { TransformerDecoder, type TransformerDecoderOptions } from "./attention/decoder.js";
export { TransformerDecoderLayer, type TransformerDecoderLayerCall } from "./attention/decoder-layer.js";
export {
  TransformerEncoder,
  type TransformerEncoderCall,
  type TransformerEncoderOptions,
} from "./attention/encoder.js";
export { TransformerEncoderLayer, type TransformerEncoderLayerCall } from "./attention/encoder-layer.js";
export { LearnedPositionalEncoding, type LearnedPositionalEncodingOptions } from "./attention/learned-positions.js";
export {
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from "./attention/multihead.js";
export { RotaryEmbedding, type RotaryOptions } from "./attention/rotary.js";
export { SinePositionalEncoding } from "./attention/sine-positions.js";
export { SinePositionalEncoding2d } from "./attention/sine-positions-2d.js";
export type { TransformerLayerOptions } from "./attention/transformer-options.js";
export { Bilinear, type BilinearOptions } from "./bilinear.js";
export { Flatten, type FlattenOptions, Sequential } from "./container.js";
export {
  Conv1d,
  type Conv1dOptions,
  Conv2d,
  type Conv2dOptions,
  Conv3d,
  type Conv3dOptions,
  type PaddingMode,
  type WeightInit,
} from "./conv.js";
export { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, type ConvTransposeOptions } from "./conv-transpose.js";
export { countFlops, countParameters } from "./count.js";
export { EmbeddingBag, type EmbeddingBagCall, type EmbeddingBagOptions } from "./embedding/bag.js";
export { Embedding, type EmbeddingOptions } from "./embedding/embedding.js";
export type { ActivationEntry, InitialiserEntry, LayerEntry, LossEntry } from "./entries.js";
export { findNonFinite, type NonFiniteFinding } from "./find-non-finite.js";
export { foldBatchNorm } from "./fold.js";
export * as functional from "./functional.js";
export * as init from "./init/index.js";
export { type InitReport, type InitReportRow, initReport } from "./init-report.js";
export { Linear, type LinearOptions } from "./linear.js";
export * from "./loss/layers.js";
export { distances, losses } from "./loss/registry.js";
export { type AnyModule, type Mode, Module, type ModuleFilter } from "./module.js";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./norm/batch.js";
export { GroupNorm, type GroupNormOptions } from "./norm/group.js";
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormOptions } from "./norm/instance.js";
export { LayerNorm, type LayerNormOptions, type NormalizedShape } from "./norm/layer.js";
export { LocalResponseNorm, type LocalResponseNormOptions } from "./norm/local-response.js";
export { RMSNorm, type RMSNormOptions } from "./norm/rms.js";
export * from "./padding/classes.js";
export {
  type RemoveParametrizationsOptions,
  removeParametrizations,
  type SpectralNormOptions,
  spectralNorm,
  type WeightNormOptions,
  weightNorm,
} from "./parametrization.js";
export * from "./pool/classes.js";
export { manualSeed } from "./random.js";
export { type Recording, record } from "./record.js";
export type { RecurrentCellOptions } from "./recurrent/cell.js";
export { GRU, GRUCell } from "./recurrent/gru.js";
export type { RecurrentCall, RecurrentOptions, RecurrentResult } from "./recurrent/layer.js";
export { LSTM, LSTMCell, type LSTMOptions } from "./recurrent/lstm.js";
export { recordSteps, type StepRecording } from "./recurrent/record-steps.js";
export { RNN, RNNCell, type RNNCellOptions, type RNNNonlinearity, type RNNOptions } from "./recurrent/rnn.js";
export type { InitialState, RecurrentState } from "./recurrent/rule.js";
export { activations, initialisers, layers } from "./registry.js";
export { AlphaDropout, FeatureAlphaDropout } from "./regularisation/alpha-dropout.js";
export { Dropout1d, Dropout2d, Dropout3d } from "./regularisation/channel-dropout.js";
export type { DropOptions } from "./regularisation/checks.js";
export { DropBlock2d, type DropBlock2dOptions } from "./regularisation/drop-block.js";
export { Dropout, type DropoutOptions } from "./regularisation/dropout.js";
export {
  StochasticDepth,
  type StochasticDepthMode,
  type StochasticDepthOptions,
} from "./regularisation/stochastic-depth.js";
export { type ReplaceRule, replaceModules } from "./replace.js";
export { Fold, Unfold, type UnfoldOptions } from "./resample/columns.js";
export type { InterpolateMode, InterpolateOptions } from "./resample/interpolate.js";
export { ChannelShuffle, PixelShuffle, PixelUnshuffle } from "./resample/shuffle.js";
export { Upsample, type UpsampleOptions } from "./resample/upsample.js";
export { convToDense, denseToConv } from "./structure/convert.js";
export { Identity, Unflatten } from "./structure/layers.js";
export { type Summary, type SummaryOptions, type SummaryRow, summary } from "./summary.js";
export { updateBatchNorm } from "./update-batch-norm.js";
