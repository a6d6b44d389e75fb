/**
 * Fovea: train, inspect and ship vision models from TypeScript. This entry and `browser.ts` are the only files that
 * name concrete devices; each is loaded when it is first used.
 */
import type { DeviceDescription } from "./runtime/index.js";
import { registerDevice } from "./tensor/index.js";

registerDevice("native", async () => (await import("./device/native/index.js")).openNative());
registerDevice("interp", async () => new (await import("./device/interp/index.js")).InterpDevice());

/**
 * What was found of each device, and why something is missing.
 *
 * @example
 * for (const { name, available } of await describeDevices()) console.log(name, available);
 */
export async function describeDevices(): Promise<DeviceDescription[]> {
  const native = await import("./device/native/index.js");
  const interp = await import("./device/interp/index.js");
  return [await native.describe(), interp.describe()];
}

export * from "./public.js";
