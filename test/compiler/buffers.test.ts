/** Targets with few buffers per kernel, other element sizes and another alignment, as GPUs have them. */
import { beforeAll, describe, expect, it } from "vitest";
import { InterpDevice } from "../../src/device/interp/index.js";
import { registerDevice, useDevice } from "../../src/index.js";
import type { Program } from "../../src/ir/program.js";
import { functional, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.js";
import { Adam } from "../../src/optim/index.js";
import { compile, concat, type Tensor, tensor } from "../../src/tensor/index.js";
import { recordedTarget } from "../support/targets.js";
import { RecordingDevice } from "./recorder.js";

const like = recordedTarget("avx2, L2 512 KiB");
const few = { ...like, name: "few buffers", buffers: 8 };
const wide = {
  ...like,
  name: "wide elements",
  bytes: { f32: 4, f64: 8, i32: 4, u8: 4, bool: 4 },
  alignment: 256,
};
const devices = [like, few, wide].map((target) => new RecordingDevice(target));
const emulated = [few, wide].map((target) => ({ ...target, name: `${target.name}, emulated`, decompose: false }));

beforeAll(() => {
  for (const device of devices) registerDevice(device.name, async () => device);
  for (const target of emulated) registerDevice(target.name, async () => new InterpDevice(target));
});

/** A step with many small parameters, whose updates would share one kernel, and with temporaries of small types. */
function training() {
  manualSeed(3);
  const layers = Array.from({ length: 6 }, () => new Linear(12, 12));
  const model = new Sequential(...layers.flatMap((layer) => [layer, new ReLU()]), new Linear(12, 5));
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  return compile((x: Tensor, y: Tensor) => {
    const kept = x.gt(0).logicalAnd(x.lt(2)); // [B, 12] bool
    const mixed = concat([kept.argmax({ dim: 1 }).unsqueeze(1).to("u8"), y.unsqueeze(1).to("u8")], { dim: 1 });
    const loss = functional.crossEntropy(model(kept.where(x, 0.5)), y).add(mixed.sum({ dim: 1 }).max().mul(0.001));
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  });
}
const batch = (): [Tensor, Tensor] => [
  tensor(
    Float32Array.from({ length: 96 }, (_, i) => ((i * 29) % 41) / 20 - 0.5),
    { shape: [8, 12] },
  ),
  tensor(Int32Array.from({ length: 8 }, (_, i) => i % 5)),
];

async function largestProgram(device: RecordingDevice): Promise<Program> {
  await useDevice(device.name);
  await training()(...batch());
  return device.programs.reduce((a, b) => (b.steps.length > a.steps.length ? b : a));
}
const mostBuffers = ({ kernels }: Program) => Math.max(...kernels.map(({ buffers }) => buffers.length));

describe("a target", () => {
  it("with few buffers gets kernels with no more, and one with many gets fewer kernels", async () => {
    const [many, limited] = [await largestProgram(devices[0]), await largestProgram(devices[1])];
    expect(mostBuffers(many)).toBeGreaterThan(20);
    expect(mostBuffers(limited)).toBeLessThanOrEqual(8);
    expect(limited.kernels.length).toBeGreaterThan(many.kernels.length);
  });

  it("says how large elements are and where temporaries may begin", async () => {
    const { steps, kernels, arenaBytes } = await largestProgram(devices[2]);
    const places = steps.flatMap(({ slots, kernel }) =>
      slots.flatMap((slot, i) => {
        const { dtype, elements } = kernels[kernel].buffers[i];
        return slot.kind === "arena" ? [{ from: slot.offset, dtype, bytes: elements * wide.bytes[dtype] }] : [];
      }),
    );
    expect(places.length).toBeGreaterThan(5);
    for (const { from, bytes } of places) {
      expect(from % wide.alignment).toBe(0);
      expect(from + bytes).toBeLessThanOrEqual(arenaBytes);
    }
  });

  it.each(emulated.map(({ name }) => name))("with %s computes the same", async (name) => {
    const losses = async (device: string) => {
      await useDevice(device);
      const step = training();
      const values: number[] = [];
      for (let i = 0; i < 3; i++) values.push(await (await step(...batch())).item());
      return values;
    };
    const wanted = await losses("interp");
    (await losses(name)).forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i], 6);
    });
  });
});
