/** The code generators: pure functions from kernels to text. */
export { printC, scratchBytes } from "./c.js";
export { printJs } from "./js.js";
