/**
 * Augmentation as tensor code: every pixel against a plain version on the same random numbers, the distribution of the
 * numbers, and what is refused.
 */
import { describe, expect, it } from "vitest";
import { ArrayDataset, cutout, randomCrop, randomFlip, standardise } from "../../src/data/index.js";
import { compile, Generator, type Tensor, tensor, useDevice, zeros } from "../../src/index.js";
import { describeError } from "../../src/util/errors.js";
import { hashStream, philox2x32 } from "../../src/util/philox.js";
import { devices } from "../support/devices.js";

const [N, C, H, W] = [6, 2, 5, 7];
const shape = [N, C, H, W];
const pixels = Float32Array.from({ length: N * C * H * W }, (_, i) => i + 1);
const x = () => tensor(pixels, { shape });

/** The 24 bits of element `i` of the tensor number `counter` of a stream with seed 3. */
const bits = (stream: string, counter: number, i: number) => philox2x32(i, counter, hashStream(3, stream))[0] >>> 8;
/** ⌊u · n⌋ in exact numbers. */
const whole = (stream: string, counter: number, i: number, n: number) =>
  Math.floor((bits(stream, counter, i) * n) / 2 ** 24);

/** Images made pixel by pixel. */
function plain(pixel: (at: (i: number, j: number) => number, n: number, i: number, j: number) => number): number[] {
  return Array.from(pixels, (_, index) => {
    const [n, i, j] = [Math.floor(index / (C * H * W)), Math.floor(index / W) % H, index % W];
    const plane = Math.floor(index / (H * W)) * H * W;
    return pixel((row, column) => pixels[plane + row * W + column] ?? Number.NaN, n, i, j);
  });
}

const mirrored = (i: number, length: number) => (i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i);
const shifts = (n: number, padding: number, counter = 0) =>
  [0, 1].map((k) => whole("s", counter + k, n, 2 * padding + 1) - padding);

describe.each(devices)("on %s", (device) => {
  const run = async (change: (x: Tensor) => Tensor) => {
    await useDevice(device);
    return Array.from(await (await compile(change)(x())).data());
  };
  const generator = () => new Generator(3, { stream: "s" });

  it.each([0, 1, 3, 9])("crops out of zeros, padding %i", async (padding) => {
    const made = await run((images) => randomCrop(images, padding, generator()));
    const expected = plain((at, n, i, j) => {
      const [down, right] = shifts(n, padding);
      const [row, column] = [i + down, j + right];
      return row >= 0 && row < H && column >= 0 && column < W ? at(row, column) : 0;
    });
    expect(made).toEqual(expected);
  });

  it.each([1, 4])("crops out of mirrored images, padding %i", async (padding) => {
    const made = await run((images) => randomCrop(images, padding, generator(), { mode: "reflect" }));
    const expected = plain((at, n, i, j) => {
      const [down, right] = shifts(n, padding);
      return at(mirrored(i + down, H), mirrored(j + right, W));
    });
    expect(made).toEqual(expected);
  });

  it.each([0, 0.5, 1])("flips with probability %d", async (p) => {
    const made = await run((images) => randomFlip(images, generator(), { p }));
    expect(made).toEqual(plain((at, n, i, j) => at(i, bits("s", 0, n) / 2 ** 24 < p ? W - 1 - j : j)));
  });

  it.each([1, 2, 3, 30])("cuts squares of %i", async (size) => {
    const made = await run((images) => cutout(images, size, generator()));
    const expected = plain((at, n, i, j) => {
      const down = i - whole("s", 0, n, H) + Math.floor(size / 2);
      const right = j - whole("s", 1, n, W) + Math.floor(size / 2);
      return down >= 0 && down < size && right >= 0 && right < size ? 0 : at(i, j);
    });
    expect(made).toEqual(expected);
  });

  it("draws anew at every call of a compiled step, and changes all channels alike", async () => {
    await useDevice(device);
    const own = generator();
    const step = compile((images: Tensor) => cutout(randomFlip(randomCrop(images, 2, own), own), 1, own));
    const calls: number[][] = [];
    for (let call = 0; call < 3; call++) calls.push(Array.from(await (await step(x())).data()));
    const tensorsPerCall = 5;
    calls.forEach((made, call) => {
      const from = call * tensorsPerCall;
      const expected = plain((at, n, i, j) => {
        if (i === whole("s", from + 3, n, H) && j === whole("s", from + 4, n, W)) return 0;
        const column = bits("s", from + 2, n) / 2 ** 24 < 0.5 ? W - 1 - j : j;
        const [down, right] = shifts(n, 2, from);
        return i + down < 0 || i + down >= H || column + right < 0 || column + right >= W
          ? 0
          : at(i + down, column + right);
      });
      expect(made, `call ${call}`).toEqual(expected);
    });
  });

  it("standardises bytes as the host does", async () => {
    await useDevice(device);
    const images = Uint8Array.from({ length: 2 * 3 * 16 * 16 }, (_, i) => (i * 7) % 256);
    const statistics = { mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26] };
    const set = new ArrayDataset({ images, labels: [0, 0], sampleShape: [3, 16, 16], role: "train" });
    const host = set.standardise(statistics).batch([0, 1]).x;
    const made = await standardise(tensor(images, { shape: [2, 3, 16, 16] }), statistics).data();
    // Three roundings of values up to 1, divided by a quarter.
    for (const [i, value] of host.entries()) expect(Math.abs(made[i] - value)).toBeLessThan(1e-6);
  });
});

it("every shift and every choice comes equally often", async () => {
  await useDevice("native");
  const count = 9000;
  const ramp = tensor(
    Float32Array.from({ length: count * 81 }, (_, i) => i % 81),
    { shape: [count, 1, 9, 9] },
  );
  const cropped = randomCrop(ramp, 1, new Generator(1, { stream: "crop" }));
  const flipped = randomFlip(ramp, new Generator(1, { stream: "flip" }), { p: 0.25 });
  const corners = await cropped.slice(2, 4, 5).slice(3, 4, 5).data();
  const times = new Map<number, number>();
  for (const value of corners) times.set(value, (times.get(value) ?? 0) + 1);
  expect(times.size).toBe(9);
  // Binomial with p = 1/9: five standard deviations.
  for (const [, found] of times) expect(Math.abs(found - 1000)).toBeLessThan(5 * Math.sqrt(1000 * (8 / 9)));
  const firsts = Array.from(await flipped.slice(2, 0, 1).slice(3, 0, 1).data());
  const turned = firsts.filter((value) => value === 8).length;
  expect(Math.abs(turned - count / 4)).toBeLessThan(5 * Math.sqrt(count * 0.25 * 0.75));
});

describe("refused", () => {
  const generator = new Generator(0);
  const images = zeros([2, 3, 4, 6]);
  it.each([
    [() => randomCrop(images, -1, generator), "[randomCrop] padding must be a whole number from 0 to 2047, got -1"],
    [
      () => randomCrop(images, 4, generator, { mode: "reflect" }),
      "[randomCrop] padding must be a whole number from 0 to 3, got 4",
    ],
    [
      () => randomCrop(images, 1, generator, { mode: "wrap" as "zero" }),
      '[randomCrop] mode must be one of "zero", "reflect", got "wrap"',
    ],
    [() => randomCrop(zeros([3, 4, 6]), 1, generator), "[randomCrop] needs x [N, C, H, W], got [3, 4, 6]"],
    [() => randomFlip(images, generator, { p: 1.5 }), "[randomFlip] p must be a number between 0 and 1, got 1.5"],
    [() => cutout(images, 0, generator), "[cutout] size must be a whole number from 1 to 4096, got 0"],
    [
      () => standardise(images, { mean: [0], std: [1] }),
      "[standardise] statistics of 1 channels for x [2, 3, 4, 6]. Give one mean and one deviation per channel",
    ],
  ])("%s", (build, message) => {
    try {
      build();
      expect.unreachable();
    } catch (error) {
      expect(describeError(error)).toBe(message);
    }
  });
});
