/** From a run folder to the class of an image, on the reference device. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import type { Image } from "../../src/io/index.js";
import { Predictor, RunFolder } from "../../src/train/index.js";
import { describeError } from "../../src/util/errors.js";
import { createModel } from "../../src/vision/index.js";
import { runConfig } from "../support/run-config.js";

const config = runConfig({
  data: { name: "tiny", trainSamples: 4, testSamples: 2 },
  input: { shape: [1, 2, 2], classes: ["dark", "bright", "odd"], scale: 1 / 255, mean: [0.5], std: [0.25] },
});

/** A model whose logits are the mean of its input, negated and as it is, and −9. */
async function makeRun(path: string, shape: [number, number, number]): Promise<void> {
  const channels = shape[0];
  const input = { ...config.input, shape, mean: Array(channels).fill(0.5), std: Array(channels).fill(0.25) };
  const run = await RunFolder.create(path, { ...config, input });
  const model = createModel("mlp", { classes: 3, inChannels: channels, size: [shape[1], shape[2]] });
  const size = shape.reduce((a, b) => a * b, 1);
  const state = Object.fromEntries(
    Object.entries(model.stateDict()).map(([key, { size: count }]) => [key, new Float32Array(count)]),
  );
  // Two units carry the positive and the negative part through the ReLUs.
  state["1.weight"].fill(1 / size, 0, size).fill(-1 / size, size, 2 * size);
  state["3.weight"].set([1, 0], 0);
  state["3.weight"].set([0, 1], 512);
  state["5.weight"].set([-1, 1], 0);
  state["5.weight"].set([1, -1], 256);
  state["5.bias"].set([0, 0, -9]);
  model.loadStateDict(state);
  await run.save(model, { epoch: 1, step: 1 });
}

let folder = "";
let grey: Predictor;
let colour: Predictor;
beforeAll(async () => {
  await useDevice("interp");
  folder = await mkdtemp(join(tmpdir(), "fovea-predict-"));
  await makeRun(join(folder, "grey"), [1, 2, 2]);
  await makeRun(join(folder, "colour"), [3, 2, 2]);
  grey = await Predictor.open(join(folder, "grey"));
  colour = await Predictor.open(join(folder, "colour"));
});
afterAll(() => rm(folder, { recursive: true }));

const flat = (value: number, size: number, channels: 1 | 3, transparent = false): Image => ({
  width: size,
  height: size,
  channels,
  data: new Uint8Array(size * size * channels).fill(value),
  transparent,
});

describe("Predictor", () => {
  it("standardises as in training and gives probabilities", async () => {
    const { class: best, probabilities, notes } = await grey.predict(flat(255, 2, 1));
    expect([best, notes]).toEqual(["bright", []]);
    // (1 − 0.5) / 0.25 = 2, so the logits are −2, 2, −9
    const powers = [-2, 2, -9].map(Math.exp);
    const total = powers.reduce((a, b) => a + b);
    for (const [i, { probability }] of probabilities.entries()) expect(probability).toBeCloseTo(powers[i] / total, 6);
    expect(probabilities.map(({ class: name }) => name)).toEqual(["dark", "bright", "odd"]);
    expect((await grey.predict(flat(0, 2, 1))).class).toBe("dark");
  });

  it("fits the image to the model and says so", async () => {
    expect(await grey.predict(flat(200, 8, 3, true))).toMatchObject({
      class: "bright",
      notes: ["transparent pixels shown on white", "colours turned to grey", "resized from 8 x 8 to 2 x 2"],
    });
    expect((await grey.predict(flat(255, 2, 1), { invert: true })).notes).toEqual(["dark and light swapped"]);
    expect((await grey.predict(flat(255, 2, 1), { invert: true })).class).toBe("dark");
    expect(await colour.predict(flat(255, 2, 1))).toMatchObject({
      class: "bright",
      notes: ["grey used for red, green and blue"],
    });
  });

  it("keeps the channels of a colour apart", async () => {
    // Red 255, green 0, blue 0: (2 − 2 − 2) / 3 is dark.
    const red = { ...flat(0, 2, 3), data: Uint8Array.of(255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0) };
    expect((await colour.predict(red)).class).toBe("dark");
  });

  it("refuses models of images that files do not have", async () => {
    const path = join(folder, "four");
    await makeRun(path, [4, 2, 2]);
    const error = await Predictor.open(path).catch((cause: unknown) => cause);
    expect(describeError(error)).toBe(`[predict] the model of ${path} takes images of 4 channels, files have 1 or 3`);
  });
});
