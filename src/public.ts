/**
 * What `fovea` exports wherever it runs. The entries beside it, `index.ts` for Node and `browser.ts`, add the devices.
 */
export type { DeviceDescription } from "./runtime/index.js";
export * from "./tensor/index.js";
export {
  ConfigError,
  ContextError,
  DataError,
  DeviceError,
  DTypeError,
  describeError,
  FoveaError,
  NumericError,
  ShapeError,
  UnavailableError,
} from "./util/errors.js";
