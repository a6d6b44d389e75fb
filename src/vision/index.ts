/** The public face of `fovea/vision`: models by name, their blocks, and their sizes. */
export { InvertedResidual, type InvertedResidualOptions } from "./inverted-residual.js";
export { createModel, type ModelName, type ModelOptions, modelNames } from "./models.js";
export { ResNet, type ResNetName, type ResNetOptions, type Stem } from "./resnet.js";
export { SpeedNet, type SpeedNetName, type SpeedNetOptions } from "./speednet.js";
export { fitWhitening, WhiteningConv2d, type WhiteningOptions } from "./whitening.js";
