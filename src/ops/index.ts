/** The op layer: one record per structural op, and checked graph building. */
export { bandSizes } from "./bands.js";
export { spreadConvolution } from "./contraction.js";
export * as helpers from "./helpers.js";
export { throughReshape } from "./movement.js";
export { graph, rebuild, structuralNames, structuralRecord } from "./table.js";
export {
  turned,
  type Winograd,
  winograd,
} from "./winograd.js";
