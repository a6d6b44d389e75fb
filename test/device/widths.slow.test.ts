/** Every vector width that the machine has computes what the reference device computes. */
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { describeDevices } from "../../src/index.js";
import { resultOf, run, trained } from "./child.js";

const native = (await describeDevices()).find(({ name }) => name === "native");
const widths = /has ([^)]*)/.exec(native?.details.simd ?? "")?.[1].split(", ") ?? [];

it("the machine's widths are known", () => {
  expect(widths.length).toBeGreaterThan(0);
});

let reference: number[] = [];
beforeAll(async () => {
  reference = (await resultOf(run("train", { FOVEA_DEVICE: "interp" }), trained)).losses;
});

describe.each(widths)("%s", (FOVEA_SIMD) => {
  it("trains a CNN to the losses of the reference device", async () => {
    const { losses } = await resultOf(run("train", { FOVEA_SIMD }), trained);
    // Single precision beside double: errors grow with every step.
    losses.forEach((loss, i) => {
      expect(Math.abs(loss - reference[i]) / reference[i], `step ${i}`).toBeLessThan(2e-4);
    });
  });

  it("computes matrix products and convolutions of odd shapes", async () => {
    const errors = await resultOf(run("shapes", { FOVEA_SIMD }), z.record(z.string(), z.number()));
    expect(Object.keys(errors).length).toBeGreaterThanOrEqual(10);
    for (const [name, error] of Object.entries(errors)) expect(error, name).toBeLessThan(2e-6);
  });
});
