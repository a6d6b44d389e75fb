/** Fovea: train, inspect and ship vision models from TypeScript. This is the entry `fovea` in Node. */
export { describeDevices } from "./node/devices.js";
export * from "./public.js";
