/** The op layer: one record per structural op, and checked graph building. */
export { attentionOperands, attentionResults } from "./attention.js";
export { bandSizes } from "./bands.js";
export { inputGradient, spreadConvolution } from "./contraction.js";
export { isFactorization } from "./factorization.js";
export * as helpers from "./helpers.js";
export { scatterAlong } from "./indexing.js";
export { reshapeCoordinates } from "./movement.js";
export { graph, isStructural, multiplyAddsOf, rebuild, structuralNames, structuralRecord } from "./table.js";
export {
  transpose,
  type Winograd,
  winograd,
} from "./winograd.js";
