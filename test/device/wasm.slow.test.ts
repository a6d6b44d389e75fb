/** The wasm device over a long training, on every number of threads, and at addresses that need all 32 bits. */
import { freemem } from "node:os";
import { describe, expect, it } from "vitest";
import { z } from "zod";
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
    for (const later of samples.slice(1)) expect(later).toEqual(samples[0]);
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
    // Traced afresh each time, so that the arena lies where memory is then free.
    const compute = async () => {
      const job = compile((x: Tensor, w: Tensor) => {
        const y = conv2d(x, w, { padding: 1 }).relu();
        return y
          .reshape([4, 12 * 81])
          .matmul(y.reshape([4, 12 * 81]).transpose())
          .sum({ dim: 0 })
          .add(y.mean());
      });
      const x = new Generator(1, "x").normal([4, 3, 9, 9]);
      const w = new Generator(1, "w").normal([12, 3, 3, 3]);
      return [...(await (await job(x, w)).data())];
    };
    const below = await compute();
    // Untouched pages cost nothing.
    const blocks = Array.from({ length: 5 }, () => device.allocate("u8", 2 ** 29));
    const high = device.allocate("f32", 2 ** 20);
    expect(device.memory.grownBytes).toBeGreaterThan(5 * 2 ** 29);
    const values = Float32Array.from({ length: 2 ** 20 }, (_, i) => i);
    device.write(high, values);
    expect(device.read(high, "f32", 2 ** 20)).toEqual(values);
    // Whatever is smaller than the holes below would lie there.
    const holes: ReturnType<typeof device.allocate>[] = [];
    while (true) {
      const hole = device.allocate("u8", 256);
      holes.push(hole);
      if (hole.address > 2 ** 31) break;
    }
    expect(await compute()).toEqual(below);
    for (const block of [...blocks, ...holes, high]) device.release(block);
    expect(await compute()).toEqual(below);
  });
});
