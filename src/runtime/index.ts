/**
 * The runtime layer: the device interface, the storage of values, and helpers that devices share.
 */

export { CollectionTrigger } from "./collection-trigger.js";
export type { Device, DeviceBuffer, DeviceDescription, Executable, LoadOptions, Recalled } from "./device.js";
export { bandwidthFor, betterPeaks, measurePeaks, type Peaks } from "./peaks.js";
export { reportSteps } from "./report.js";
export { SerialQueue } from "./serial-queue.js";
export { memoryStats, Storage } from "./storage.js";
export { threadCount } from "./threads.js";
