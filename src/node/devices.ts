/**
 * The devices that Node can have, and its files. This file and the one for pages are the only ones that name concrete devices; each is
 * loaded when it is first used. Every entry of the package imports it.
 */
import "./files.js";
import type { DeviceDescription } from "../runtime/index.js";
import { registerDevice } from "../tensor/index.js";

registerDevice("native", async () => (await import("../device/native/index.js")).openNative());
registerDevice("wasm", async () => (await import("../device/wasm/index.js")).openWasm(await nodeHost()), {
  standsInAt: "about 3 times slower",
});
registerDevice("interp", async () => new (await import("../device/interp/index.js")).InterpDevice());

const nodeHost = async () => (await import("../device/wasm/node-host.js")).openNodeHost();

/**
 * What was found of each device, and why something is missing.
 *
 * @example
 * for (const { name, available } of await describeDevices()) console.log(name, available);
 */
export async function describeDevices(): Promise<DeviceDescription[]> {
  const native = await import("../device/native/index.js");
  const wasm = await import("../device/wasm/index.js");
  const interp = await import("../device/interp/index.js");
  return [await native.describe(), wasm.describe(await nodeHost()), interp.describe()];
}
