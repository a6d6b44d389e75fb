/** The runtime layer: the device interface, the storage behind values, and what devices share. */
export type { Device, DeviceBuffer, DeviceDescription, Executable, LoadOptions, Recalled } from "./device.js";
export { GarbageClock } from "./garbage.js";
export { bandwidthFor, betterPeaks, measurePeaks, type Peaks } from "./peaks.js";
export { reportSteps } from "./report.js";
export { memoryStats, Storage } from "./storage.js";
export { threadCount } from "./threads.js";
export { Turns } from "./turns.js";
