/** Every reduction over every dtype and length is right on every vector width of the machine, and on `wasm`. */
import { expect, it } from "vitest";
import { z } from "zod";
import { describeDevices } from "../../src/index.js";
import { resultOf, run } from "./child.js";

const native = (await describeDevices()).find(({ name }) => name === "native");
const widths = /has ([^)]*)/.exec(native?.details.simd ?? "")?.[1].split(", ") ?? [];
const swept = z.object({ computed: z.number(), wrong: z.array(z.string()) });

it.each([...widths.map((FOVEA_SIMD) => ({ FOVEA_DEVICE: "native", FOVEA_SIMD })), { FOVEA_DEVICE: "wasm" }])(
  "%o",
  async (device) => {
    const { computed, wrong } = await resultOf(run("reductions", device), swept);
    expect(wrong).toEqual([]);
    expect(computed).toBeGreaterThan(500);
  },
);
