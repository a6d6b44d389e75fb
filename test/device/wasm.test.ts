/** The wasm device itself: programs by hand, failures, growth, and memory that comes back. */
import { beforeAll, describe, expect, it } from "vitest";
import { collectGarbage } from "../../src/device/native/garbage.js";
import { WasmDevice } from "../../src/device/wasm/index.js";
import { currentDevice, describeDevices, useDevice } from "../../src/index.js";
import { constant } from "../../src/ir/index-math.js";
import { constantOf, type Kernel, store } from "../../src/ir/loops.js";
import type { Program } from "../../src/ir/program.js";
import { Conv2d, Flatten, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.js";
import { Generator, noGrad, ones, tensor } from "../../src/tensor/index.js";
import { DeviceError } from "../../src/util/errors.js";
import { expectAgreement } from "../support/numbers.js";

let device: WasmDevice;
beforeAll(async () => {
  await useDevice("wasm");
  const current = await currentDevice();
  if (!(current instanceof WasmDevice)) throw new Error("this is no wasm device");
  device = current;
});

/** One output, one element of which is set by `tasks` tasks that all do the same. */
function program(label: string, at: number, value: number, tasks: number, flops: number): Program {
  const body = [store("y", "f32", constant(at), constantOf(value, "f32"), 4)];
  const buffers = [{ name: "y", dtype: "f32", elements: 16, access: "write" }] as const;
  const kernel: Kernel = { label, buffers, scratch: [], parts: [{ tasks, body }], flops };
  return {
    kernels: [kernel],
    steps: [{ kernel: 0, slots: [{ kind: "output", output: 0 }], waits: true }],
    arenaBytes: 1024,
    outputs: [{ dtype: "f32", elements: 16 }],
    inPlace: [null],
  };
}

/** Above any size that runs on the calling thread. */
const LARGE = 1e9;
const FAR = 2 ** 29 - 1;

it("is described", async () => {
  const found = (await describeDevices()).find(({ name }) => name === "wasm");
  expect(found).toMatchObject({ available: true, details: { threads: String(device.target.threads) } });
  expect(found?.details.simd).toMatch(/^128 bits, 4 lanes, (no )?relaxed SIMD/);
  expect(found?.details.memory).toMatch(/at most 4 GiB/);
});

describe.each([
  ["on the calling thread", 1],
  ["in the pool", LARGE],
])("%s", (_, flops) => {
  it("a kernel that traps is an error that names it, and the next program runs", async () => {
    const output = device.allocate("f32", 16);
    const stray = await device.load(program("stray", FAR, 1, 5, flops));
    const sound = await device.load(program("sound", 3, 7, 5, flops));
    for (let i = 0; i < 3; i++) {
      const error = await stray.submit([], [output]).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DeviceError);
      expect(String(error)).toContain("[wasm] the kernel stray failed: RuntimeError: memory access out of bounds");
      await sound.submit([], [output]);
      expect((await device.read(output, "f32", 16))[3]).toBe(7);
    }
    device.release(output);
  });

  it("programs outlive growth of the memory", async () => {
    const output = device.allocate("f32", 16);
    const sound = await device.load(program("sound", 5, 2.5, 9, flops));
    await sound.submit([], [output]);
    const grown = device.memory.grownBytes;
    const large = device.allocate("u8", grown);
    expect(device.memory.grownBytes).toBeGreaterThan(grown);
    device.write(output, new Float32Array(16));
    await sound.submit([], [output]);
    expect((await device.read(output, "f32", 16))[5]).toBe(2.5);
    device.write(large, new Uint8Array(grown).fill(3));
    expect((await device.read(large, "u8", grown))[grown - 1]).toBe(3);
    device.release(large);
    device.release(output);
  });
});

it("a program that nobody can run any more gives back its memory and its kernels", async () => {
  const settle = async () => {
    for (let i = 0; i < 5; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return [device.memory.usedBytes, device.kernels.size];
  };
  const output = device.allocate("f32", 16);
  const before = await settle();
  const some = async () => {
    for (let i = 0; i < 40; i++) {
      const made = await device.load(program(`number ${i % 20}`, 1, i % 20, 3, i % 2 ? LARGE : 1));
      await made.submit([], [output]);
    }
  };
  await some();
  expect(device.kernels.size).toBeGreaterThan(before[1]);
  expect(await settle()).toEqual(before);
  await some();
  expect(await settle()).toEqual(before);
  device.release(output);
});

it("a buffer of another device is refused", async () => {
  const { release, run } = {
    release: device.release.bind(device),
    run: await device.load(program("p", 0, 1, 1, 1)),
  };
  expect(() => release({ sizeBytes: 4 })).toThrow("[wasm] the buffer belongs to another device");
  await expect(run.submit([], [{ sizeBytes: 4 }])).rejects.toThrow("[wasm] the buffer belongs to another device");
});

it("values move from device to device", async () => {
  const x = ones([7]).mul(3);
  await useDevice("native");
  const y = x.add(1);
  expect([...(await y.data())]).toEqual(Array(7).fill(4));
  await useDevice("wasm");
  expect([...(await y.mul(2).data())]).toEqual(Array(7).fill(8));
});

it("weights trained or made on native predict the same on wasm", async () => {
  const build = () =>
    new Sequential(new Conv2d(1, 6, 3, { padding: 1 }), new ReLU(), new Flatten(), new Linear(6 * 49, 10));
  const images = () => new Generator(3, { stream: "images" }).normal([5, 1, 7, 7]);
  await useDevice("native");
  manualSeed(4);
  const model = build();
  const expected = await model(images()).data();
  const saved = await Promise.all(
    Object.entries(model.stateDict()).map(async ([name, value]) => [name, await value.data(), value.shape] as const),
  );
  await useDevice("wasm");
  const copy = build();
  copy.loadStateDict(Object.fromEntries(saved.map(([name, data, shape]) => [name, tensor(data, { shape })])));
  const found = await noGrad(() => copy(images())).data();
  expectAgreement([...found], [...expected], { relative: 1e-5, absolute: 1e-6 });
});
