/**
 * Files in and out: safetensors, PNG, atomic writes. This file only lists what is public.
 */
export { makeFolder, readFileBytes, writeFileAtomic } from "./files.js";
export { decodePng, type Image, readPng, resize, toGrey, toRgb } from "./image.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  readSafetensors,
  type Safetensors,
  writeSafetensors,
} from "./safetensors.js";
