/** The runtime layer: the device interface and the storage behind values. */
export type { Device, DeviceBuffer, DeviceDescription, Executable } from "./device.js";
export { memoryStats, Storage } from "./storage.js";
