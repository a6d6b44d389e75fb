/** The code generators: pure functions from kernels to text. */
export { printJs } from "./js.js";
