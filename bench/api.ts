/** Loads the built package from a folder, as a program of a user's would. */
import { pathToFileURL } from "node:url";
import type { Api } from "./models.js";

export type DeviceName = "native" | "wasm" | "interp";

/** The package built in `dist`, on a device. */
export async function loadApi(dist: string, device: DeviceName): Promise<Api> {
  async function load<Name extends keyof Api>(file: string): Promise<Api[Name]> {
    return import(pathToFileURL(`${dist}/${file}`).href);
  }
  const fovea = await load<"fovea">("index.js");
  const [nn, optim] = [await load<"nn">("nn/index.js"), await load<"optim">("optim/index.js")];
  const vision = await load<"vision">("vision/index.js");
  await fovea.useDevice(device);
  return { fovea, nn, optim, vision };
}
