/** The code generators: pure functions from kernels to text or bytes. */
export { cHeader, KERNEL_NAME, printC } from "./c.js";
export { printJs } from "./js.js";
export { loadJs } from "./js-run.js";
export { scratchBytes } from "./scratch.js";
export { encodeWasm, LOW_BYTES, type WasmOptions } from "./wasm/index.js";
