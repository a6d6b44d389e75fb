/**
 * Fovea for browsers: the entry that bundlers take for `fovea`. It names the devices that a page can have, and neither it
 * nor anything that it reaches may import a Node module.
 */
import type { DeviceDescription } from "./runtime/index.js";
import { registerDevice } from "./tensor/index.js";

registerDevice("interp", async () => new (await import("./device/interp/index.js")).InterpDevice());

/** What was found of each device, and why something is missing. */
export async function describeDevices(): Promise<DeviceDescription[]> {
  const interp = await import("./device/interp/index.js");
  return [interp.describe()];
}

export * from "./public.js";
