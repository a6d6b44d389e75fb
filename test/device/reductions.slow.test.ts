/** Every reduction over every dtype and length is right on every vector width of the machine, and on `wasm`. */
import { expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { nativeWidths } from "../support/widths.js";
import { sweepReductions } from "./reduction-sweep.js";

it.each([...nativeWidths, "wasm"])("%s", async (device) => {
  await useDevice(device);
  const { computed, wrong } = await sweepReductions([
    "f32",
    "i32",
    "u8",
    "bool",
    ...(device === "wasm" ? [] : ["f64" as const]),
  ]);
  expect(wrong).toEqual([]);
  expect(computed).toBeGreaterThan(500);
});
