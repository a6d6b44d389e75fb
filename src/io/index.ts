/**
 * Files in and out: safetensors, PNG, atomic writes. This file only lists what is public: here what needs Node, in
 * `browser.ts` the rest.
 */
export * from "./browser.js";
export { makeFolder, readFileBytes, writeFileAtomic } from "./files.js";
export { decodePng, readPng } from "./png.js";
export { readSafetensors, writeSafetensors } from "./safetensors-file.js";
