/**
 * File formats as bytes: all of it works in a browser too. This file only lists what is public.
 */
export { type Image, resize, toGrey, toRgb } from "./image.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  readTensors,
  type Safetensors,
  type SafetensorsOptions,
} from "./safetensors.js";
