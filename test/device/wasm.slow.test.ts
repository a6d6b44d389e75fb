/** The wasm device over a long training, on every number of threads, and at addresses that need all 32 bits. */
import { freemem } from "node:os";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { collectGarbage } from "../../src/device/native/garbage.js";
import { WasmDevice } from "../../src/device/wasm/index.js";
import { currentDevice, useDevice } from "../../src/index.js";
import { compile, conv2d, Generator, type Tensor } from "../../src/tensor/index.js";
import { resultOf, run, trained } from "./child.js";

const sample = z.object({ usedBytes: z.number(), grownBytes: z.number(), kernels: z.number() });
const long = z.object({ first: z.number(), last: z.number(), samples: z.array(sample) });

it.each(["1", "2"])(
  "memory is the same after 250 and after 1,000 steps of training, %s threads",
  async (FOVEA_THREADS) => {
    const { first, last, samples } = await resultOf(
      run("longTraining", { FOVEA_DEVICE: "wasm", FOVEA_THREADS }, ["--expose-gc"]),
      long,
    );
    expect(last).toBeLessThan(first / 2);
    expect(samples).toHaveLength(4);
    const [{ usedBytes, kernels, grownBytes }] = samples;
    for (const later of samples.slice(1)) {
      expect(later).toMatchObject({ usedBytes, kernels });
      // When a collection runs decides whether freed blocks are there in time for the next step.
      expect(later.grownBytes).toBeLessThanOrEqual(2 * grownBytes);
    }
  },
);

it("trains a CNN to the losses of the reference device", async () => {
  const reference = await resultOf(run("train", { FOVEA_DEVICE: "interp" }), trained);
  const { losses } = await resultOf(run("train", { FOVEA_DEVICE: "wasm" }), trained);
  // Single precision beside double: errors grow with every step.
  losses.forEach((loss, i) => {
    expect(Math.abs(loss - reference.losses[i]) / reference.losses[i], `step ${i}`).toBeLessThan(2e-4);
  });
});

it("computes matrix products and convolutions of odd shapes", async () => {
  const errors = await resultOf(run("shapes", { FOVEA_DEVICE: "wasm" }), z.record(z.string(), z.number()));
  expect(Object.keys(errors).length).toBeGreaterThanOrEqual(10);
  for (const [name, error] of Object.entries(errors)) expect(error, name).toBeLessThan(2e-6);
});

describe.skipIf(freemem() < 4 * 2 ** 30)("beyond 2 GiB", () => {
  it("programs compute what they compute below", async () => {
    await useDevice("wasm");
    const device = await currentDevice();
    if (!(device instanceof WasmDevice)) throw new Error("this is no wasm device");
    // Images and a matrix of 20 MiB, larger than the holes that are left below.
    const compute = async () => {
      const job = compile((x: Tensor, w: Tensor) => {
        const y = conv2d(x, w, { padding: 1 }).relu();
        return y
          .reshape([2048, 2592])
          .matmul(x.reshape([2592, 2048]))
          .sum({ dim: 0 })
          .add(y.mean());
      });
      const x = new Generator(1, { stream: "x" }).normal([32, 8, 144, 144]);
      const w = new Generator(1, { stream: "w" }).normal([8, 8, 3, 3]);
      return [...(await (await job(x, w)).data())];
    };
    const address = (bytes: number): number => {
      const probe = device.allocate("u8", bytes);
      device.release(probe);
      return probe.address;
    };
    const below = await compute();
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Untouched pages cost nothing.
    const blocks = [device.allocate("u8", 2 ** 31)];
    while (address(20 << 20) < 2 ** 31) blocks.push(device.allocate("u8", 20 << 20));
    expect(await compute()).toEqual(below);
    const high = device.allocate("f32", 5 << 20);
    expect(high.address).toBeGreaterThan(2 ** 31);
    const values = Float32Array.from({ length: 5 << 20 }, (_, i) => i);
    device.write(high, values);
    expect((await device.read(high, "f32", 5 << 20)).every((value, i) => value === i)).toBe(true);
    for (const block of [...blocks, high]) device.release(block);
  });
});
