/** The entry `fovea` in a page: nothing that it reaches may import a Node module. */
export { describeDevices } from "./page/devices.js";
export * from "./public.js";
