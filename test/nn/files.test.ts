/** Saving and loading models: files, the values at the call, and what a page says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  readTensors,
  writeSafetensors,
} from "../../src/io/index.js";
import { BatchNorm1d, Linear, Module, Sequential } from "../../src/nn/index.js";
import { type Tensor, zeros } from "../../src/tensor/index.js";
import { describeError } from "../../src/util/errors.js";
import { devices } from "../support/devices.js";

/** A model of one's own, with floats, integers and a shared parameter. */
class Net extends Module {
  readonly hidden = new Linear(3, 4);
  readonly norms = { first: new BatchNorm1d(4) };
  readonly head: Linear;

  constructor(classes = 2) {
    super();
    this.head = new Linear(4, classes);
  }

  override forward(x: Tensor): Tensor {
    return this.head(this.norms.first(this.hidden(x)));
  }
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fovea-model-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(model: Module): Promise<Record<string, readonly number[]>> {
  const entries = Object.entries(model.stateDict()).map(
    async ([key, cell]) => [key, [...(await cell.data())]] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

const failure = async (run: () => Promise<unknown>) =>
  run().then(
    () => "nothing was thrown",
    (error: unknown) => describeError(error),
  );

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("a model comes back from its file", async () => {
    const path = join(folder, `${device}.safetensors`);
    const saved = new Net();
    saved.norms.first.numBatchesTracked!.assign(7);
    await saved.save(path);
    const model = await new Net().load(path);
    expect(await read(model)).toEqual(await read(saved));
    const { tensors } = await readSafetensors(path);
    expect(tensors["norms.first.num_batches_tracked"]).toEqual({ dtype: "i32", shape: [], data: Int32Array.of(7) });
  });

  it("a state dict is written as it is at the call", async () => {
    const path = join(folder, `${device}-state.safetensors`);
    const model = new Net();
    const before = await read(model);
    const written = writeSafetensors(path, model.stateDict());
    const saved = model.save(join(folder, `${device}-model.safetensors`));
    for (const parameter of model.parameters()) parameter.assign(5);
    await Promise.all([written, saved]);
    for (const file of [path, join(folder, `${device}-model.safetensors`)]) {
      expect(await read(await new Net().load(file))).toEqual(before);
    }
    expect(new Set((await read(model))["head.weight"])).toEqual(new Set([5]));
  });
});

describe("errors", () => {
  beforeAll(() => useDevice("interp"));

  it("name the file and what does not fit", async () => {
    const path = join(folder, "errors.safetensors");
    await new Net(3).save(path);
    expect(await failure(() => new Net(2).load(path))).toBe(
      `[load] ${path}: shapes differ: head.weight needs [2, 4], got [3, 4]; head.bias needs [2], got [3]. ` +
        "Build the model with its saved sizes, or leave these keys out and pass strict: false",
    );
    expect(await failure(() => new Sequential(new Linear(3, 4)).load(path))).toContain(
      `[load] ${path}: missing keys: 0.weight, 0.bias; unexpected keys: `,
    );
    expect(await failure(() => new Net().load(join(folder, "none")))).toContain("no such file");
    expect(await failure(() => new Net().save(join(folder, "none", "x")))).toContain("no such file");
    await new Linear(3, 4).load(path, { strict: false });
  });

  it("name what is no tensor in host memory", () => {
    const encode = (value: unknown) => () => encodeSafetensors({ w: value as never });
    expect(encode(zeros([2]))).toThrow("[encodeSafetensors] w is a Tensor, whose values must be read first");
    expect(encode(new Float32Array(2))).toThrow("w is a Float32Array, no tensor in host memory");
    expect(encode(undefined)).toThrow("w is undefined, no tensor in host memory");
    expect(encode({ dtype: "f32", shape: [3], data: new Float32Array(2) })).toThrow("w has 2 values for the shape [3]");
    expect(encode({ dtype: "f32", shape: [2], data: new Float64Array(2) })).toThrow("w is f32, but its data");
    expect(encode({ dtype: "f16", shape: [2], data: new Float32Array(2) })).toThrow("no tensor in host memory");
  });

  it("loadStateDict names values of other kinds", () => {
    const layer = new Linear(1, 1);
    expect(() => layer.loadStateDict({ weight: 3 as never, bias: zeros([1]) })).toThrow(
      "[loadStateDict] weight is 3, which is no saved value",
    );
  });
});

it("bytes of a model, for a page", async () => {
  await useDevice("interp");
  const model = new Net();
  const bytes = encodeSafetensors(await readTensors(model.stateDict()));
  const copy = new Net();
  copy.loadStateDict(decodeSafetensors(bytes, "model").tensors);
  expect(await read(copy)).toEqual(await read(model));
});
