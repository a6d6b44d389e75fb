/** Calls that are not awaited keep their order: each sees variables as they were when it was made. */
import { beforeAll, describe, expect, it } from "vitest";
import { openNative } from "../../src/device/native/index.js";
import {
  compile,
  memoryStats,
  noGrad,
  ones,
  Parameter,
  realize,
  registerDevice,
  type Tensor,
  tensor,
  useDevice,
  Variable,
  zeros,
} from "../../src/index.js";
import { Linear } from "../../src/nn/index.js";
import { Adam, SGD } from "../../src/optim/index.js";
import type { Device } from "../../src/runtime/index.js";
import { RecordingDevice, target } from "../compiler/recorder.js";
import { devices } from "../support/devices.js";

describe.each(devices)("without awaiting, on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("a rate that is set behind a call is not the rate of that call", async () => {
    const p = new Parameter(tensor([1, 2]));
    const optimizer = new SGD([p], { lr: 0.5 });
    const step = compile(() => {
      p.sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    const calls = [step()];
    optimizer.lr = 100;
    calls.push(step());
    optimizer.lr = 0.25;
    calls.push(step());
    await Promise.all(calls);
    expect(await p.toArray()).toEqual([1 - 0.5 - 100 - 0.25, 2 - 0.5 - 100 - 0.25]);
  });

  it("an assignment behind a call does not change what the call reads, on the first call and later", async () => {
    const v = new Variable(tensor([1, 2]));
    const double = compile((x: Tensor) => v.mul(x));
    for (const start of [10, 20, 30]) {
      v.assign(start);
      const result = double(tensor(2));
      v.assign(-1);
      const later = double(tensor(2));
      v.load([7, 8]);
      expect(await (await result).toArray()).toEqual([start * 2, start * 2]);
      expect(await (await later).toArray()).toEqual([-2, -2]);
      expect(await v.toArray()).toEqual([7, 8]);
    }
  });

  it("a variable that is read behind a call has the value that the call gives it", async () => {
    const v = new Variable(zeros([3]));
    const step = compile(() => v.assign(v.add(1)));
    const seen: Promise<unknown>[] = [];
    for (let i = 0; i < 5; i++) {
      seen.push(v.toArray());
      void step();
    }
    seen.push(v.toArray());
    expect(await Promise.all(seen)).toEqual([0, 1, 2, 3, 4, 5].map((n) => [n, n, n]));
  });

  it("what is built from a variable keeps its value, whatever is called behind it", async () => {
    const v = new Variable(zeros([2]));
    const step = compile(() => v.assign(v.add(1)));
    const built: Tensor[] = [];
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 4; i++) {
      built.push(v.mul(10));
      calls.push(step());
    }
    built.push(v.mul(10));
    await Promise.all(calls);
    expect(await Promise.all(built.map((x) => x.toArray()))).toEqual([0, 10, 20, 30, 40].map((n) => [n, n]));
  });

  it("calls and eager assignments alternate", async () => {
    const v = new Variable(tensor([1]));
    const double = compile(() => v.assign(v.mul(2)));
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 4; i++) {
      calls.push(double());
      v.assign(v.add(1));
    }
    await Promise.all(calls);
    expect(await v.item()).toBe((((1 * 2 + 1) * 2 + 1) * 2 + 1) * 2 + 1);
  });

  it("a training that is never awaited gives what one gives that is", async () => {
    const train = async (wait: boolean) => {
      const p = new Parameter(tensor([0.5, -1, 2, 3]));
      const optimizer = new Adam([p], { lr: 0.1 });
      const step = compile((x: Tensor) => {
        const loss = p.mul(x).square().sum();
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return loss;
      });
      const losses: Promise<Tensor>[] = [];
      for (let i = 0; i < 12; i++) {
        optimizer.lr = 0.1 / (i + 1);
        losses.push(step(tensor([i % 3, 1, 2, 0.5])));
        if (wait) await losses[i];
      }
      const values = await Promise.all((await Promise.all(losses)).map((loss) => loss.item()));
      return [values, await p.toArray()];
    };
    expect(await train(false)).toEqual(await train(true));
  });

  it("reading a variable that has been computed does not cost its next update a copy", async () => {
    const v = new Variable(zeros([64]));
    const step = compile(() => v.assign(v.add(1)));
    await step();
    expect(await v.data()).toEqual(new Float32Array(64).fill(1));
    const before = memoryStats();
    for (let i = 0; i < 5; i++) {
      const reading = v.data();
      await step();
      expect(await reading).toEqual(new Float32Array(64).fill(i + 1));
    }
    expect(memoryStats().buffers).toBe(before.buffers);
    expect(memoryStats().peakBytes).toBe(before.peakBytes);
  });

  it("a variable is updated in its own memory also by calls that are not awaited", async () => {
    const v = new Variable(zeros([1 << 16]));
    const step = compile(() => v.assign(v.add(1)));
    await step();
    const before = memoryStats();
    await Promise.all(Array.from({ length: 10 }, () => step()));
    expect(memoryStats().buffers).toBe(before.buffers);
    expect((await v.data())[77]).toBe(11);
  });
});

/** The native device, which has every dtype, without one: a program that it cannot compile. */
registerDevice("native without f64", async () => {
  const device = await openNative();
  const target = { ...device.target, dtypes: device.target.dtypes.filter((dtype) => dtype !== "f64") };
  return Object.create(device, { name: { value: "native without f64" }, target: { value: target } }) as Device;
});

describe.each(["native without f64", "wasm"])("errors, on %s", (device) => {
  beforeAll(() => useDevice(device));

  const wrong = () => ones([2]).to("f64").add(1).to("f32");
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => "done",
      (error: Error) => error.constructor.name,
    );

  it("a variable that cannot be computed breaks what reads it, and nothing else", async () => {
    const broken = new Variable(zeros([2]));
    const sound = new Variable(zeros([2]));
    const shared = ones([2]).mul(3);
    noGrad(() => broken.assign(shared.add(wrong())));
    sound.assign(shared.add(1));
    // Computed along with what shares work with it, which the broken one does too.
    expect(await shared.toArray()).toEqual([3, 3]);
    expect(await sound.toArray()).toEqual([4, 4]);
    expect(await outcome(broken.data())).toBe("DTypeError");
    expect(await outcome(broken.data())).toBe("DTypeError");
    expect(await outcome(realize(sound))).toBe("done");
    const step = compile(() => sound.assign(sound.add(1)));
    await step();
    expect(await sound.toArray()).toEqual([5, 5]);
    broken.assign(1);
    expect(await broken.toArray()).toEqual([1, 1]);
  });

  it("a call that fails leaves its variables as they were, and only what was asked behind it of them fails", async () => {
    const v = new Variable(tensor([1, 2]));
    const other = new Variable(tensor([5]));
    const step = compile((x: Tensor) => v.assign(v.add(x)));
    const elsewhere = compile(() => other.assign(other.add(1)));
    await step(ones([2]));
    const calls = [
      step(ones([2])),
      step(wrong()),
      elsewhere(),
      step(ones([2])),
      v.data(),
      v.mul(2).data(),
      other.data(),
    ].map(outcome);
    expect(await Promise.all(calls)).toEqual([
      "done",
      "DTypeError",
      "done",
      "DTypeError",
      "DTypeError",
      "DTypeError",
      "done",
    ]);
    expect(await v.toArray()).toEqual([3, 4]);
    expect(await other.item()).toBe(6);
    await step(ones([2]));
    expect(await v.toArray()).toEqual([4, 5]);
  });

  it("several failed calls in a row lead back to the last value there was, computed or not", async () => {
    const v = new Variable(ones([2]).mul(4));
    const step = compile((x: Tensor) => v.assign(v.add(x)));
    const kept: Tensor[] = [];
    const calls = [0, 1, 2].map(() => {
      const call = outcome(step(wrong()));
      kept.push(v.mul(1));
      return call;
    });
    expect(await Promise.all(calls)).toEqual(["DTypeError", "DTypeError", "DTypeError"]);
    expect(await outcome(kept[1].data())).toBe("DTypeError");
    expect(await v.toArray()).toEqual([4, 4]);
    await step(ones([2]));
    expect(await v.toArray()).toEqual([5, 5]);
  });

  it("a function that cannot be compiled for the device fails without changing a variable", async () => {
    const v = new Variable(tensor([1, 2]));
    const step = compile(() => v.assign(v.to("f64").add(1).to("f32")));
    expect(await outcome(step())).toBe("DTypeError");
    expect(await outcome(step())).toBe("DTypeError");
    expect(await v.toArray()).toEqual([1, 2]);
  });
});

describe("what is computed when something is read", () => {
  /** The shapes of what programs of a recording device put out. */
  async function outputsOf(read: () => Promise<unknown>): Promise<number[]> {
    const device = new RecordingDevice({ ...target, name: "what is computed" });
    registerDevice(device.name, async () => device);
    await useDevice(device.name);
    await read();
    return device.programs.flatMap(({ outputs }) => outputs.map(({ elements }) => elements)).sort((a, b) => a - b);
  }

  it("is not what belongs to another model, although both draw from one random stream", async () => {
    const outputs = await outputsOf(async () => {
      const models = [new Linear(7, 11), new Linear(13, 17)];
      await models[0].weight.data();
    });
    // The weight, and the counter of the stream.
    expect(outputs).toEqual([1, 77]);
  });

  it("is what shares work with it, so that eager training computes each step once and keeps nothing", async () => {
    const outputs = await outputsOf(async () => {
      const weight = new Parameter(ones([5]));
      const mean = new Variable(zeros([3]));
      const unrelated = new Variable(zeros([19]));
      unrelated.assign(unrelated.add(1));
      await realize(weight, mean);
      const x = tensor([1, 2, 3, 4, 5]);
      for (let i = 0; i < 3; i++) {
        const y = weight.mul(x);
        mean.assign(mean.mul(0.9).add(y.slice(0, 0, 3)));
        const loss = y.square().sum();
        loss.backward();
        noGrad(() => weight.assign(weight.sub((weight.grad as Tensor).mul(0.1))));
        weight.grad = null;
        await loss.item();
      }
    });
    // Initial values; then one program for all steps, with the loss and what is assigned.
    expect(outputs).toEqual([1, 3, 3, 5, 5]);
  });
});
