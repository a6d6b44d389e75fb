/**
 * File formats: safetensors, PNG, atomic writes. This file only lists what is public: what needs Node; the rest is in
 * `browser.ts`.
 */
export * from "./browser.js";
export { makeFolder, readFileBytes, writeFileAtomic } from "./files.js";
export { decodePng, readPng } from "./png.js";
export { readSafetensors, writeSafetensors } from "./safetensors-file.js";
