/**
 * The devices that a page can have; each is loaded when it is first used. Every entry that bundlers take for a page
 * imports it, and neither it nor anything that it reaches may import a Node module.
 */
import type { DeviceDescription } from "../runtime/index.js";
import { registerDevice } from "../tensor/index.js";

registerDevice("wasm", async () => (await import("../device/wasm/index.js")).openWasm(await pageHost()));
registerDevice("interp", async () => new (await import("../device/interp/index.js")).InterpDevice());

const pageHost = async () => (await import("../device/wasm/page-host.js")).openPageHost();

/** What was found of each device, and why something is missing. */
export async function describeDevices(): Promise<DeviceDescription[]> {
  const wasm = await import("../device/wasm/index.js");
  const interp = await import("../device/interp/index.js");
  return [wasm.describe(await pageHost()), interp.describe()];
}
