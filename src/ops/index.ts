/** The op layer: one record per structural op, and checked graph building. */
export * as helpers from "./helpers.js";
export { throughReshape } from "./movement.js";
export type { Builder, Kind, Source, StructuralRecord, Typed } from "./record.js";
export { graph, rebuild, recordOf, structuralNames, structuralRecord } from "./table.js";
