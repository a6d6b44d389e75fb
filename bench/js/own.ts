/** Fovea's own native device as a side beside its WebAssembly device: the built package in a process of its own. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadApi } from "../api.js";
import { prediction, trainingStep } from "../models.js";
import type { Side, SideOptions } from "./side.js";

/** Opens the native device. */
export async function open({ bench }: SideOptions): Promise<Side> {
  const root = dirname(bench);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
  const api = await loadApi(join(root, "dist"), "native");
  return {
    version,
    setup: async (work) => {
      if (work.kind !== "step" && work.kind !== "infer")
        throw new Error(`no ${work.kind} has been written for Fovea native`);
      const { call, checks } = work.kind === "step" ? trainingStep(work.model, api) : prediction(work, api);
      return {
        run: async () => {
          await call();
        },
        checks,
      };
    },
  };
}
