/** The pooling layers, for the index. */
export type { OutputSize1d, OutputSize2d, OutputSize3d } from "./adaptive.js";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  type AdaptiveMaxPoolOptions,
} from "./adaptive-layers.js";
export { LPPool1d, LPPool2d, LPPool3d, type LPPoolOptions } from "./lp.js";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPooled,
  type MaxPoolOptions,
} from "./sliding.js";
export { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type MaxUnpoolOptions } from "./unpool.js";
