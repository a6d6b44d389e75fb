/** Random tensors: known Philox vectors, the same integers everywhere, and the moments of the distributions. */
import { beforeAll, describe, expect, it } from "vitest";
import { Generator, useDevice } from "../../src/index.js";
import { philox2x32 } from "../../src/util/philox.js";
import { devices, fastDevices, valuesOf } from "../support/devices.js";
import { expectAgreement } from "../support/numbers.js";

const N = 20_000;
const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length;

it("gives the vectors of Random123", () => {
  expect(philox2x32(0, 0, 0)).toEqual([0xff1dae59, 0x6cd10df2]);
  expect(philox2x32(-1, -1, -1)).toEqual([0x2c3f628b, 0xab4fd7ad]);
});

it("gives the same values on every device", async () => {
  const draw = async (device: string) => {
    await useDevice(device);
    const generator = new Generator(42, { stream: "same" });
    return valuesOf([
      generator.uniform([257]),
      generator.permutation(65),
      generator.bernoulli([100], 0.3),
      generator.normal([65]),
    ]);
  };
  const reference = await draw("interp");
  for (const device of fastDevices) {
    const found = await draw(device);
    expect(found.slice(0, 3)).toEqual(reference.slice(0, 3));
    // Logarithm, root and cosine in f32 against float64; near zero the cosine keeps absolute accuracy only.
    expectAgreement(found[3], reference[3], { relative: 1e-5, absolute: 2e-6 });
  }
});

describe.each(devices)("Generator on %s", (device) => {
  let uniform: number[] = [];
  let normal: number[] = [];
  let coins: number[] = [];

  beforeAll(async () => {
    await useDevice(device);
    const generator = new Generator(7);
    [uniform, normal, coins] = await valuesOf([
      generator.uniform([N], { low: -1, high: 3 }),
      generator.normal([N], { mean: 2, std: 0.5 }),
      generator.bernoulli([N], 0.2),
    ]);
  });

  // Bounds of five standard errors: a right generator fails once in two million.
  const five = (deviation: number) => (5 * deviation) / Math.sqrt(N);

  it("is uniform", () => {
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...uniform)).toBeLessThan(3);
    expect(Math.abs(mean(uniform) - 1)).toBeLessThan(five(4 / Math.sqrt(12)));
    const bins = new Array<number>(16).fill(0);
    for (const x of uniform) bins[Math.floor(((x + 1) / 4) * 16)]++;
    for (const count of bins) expect(Math.abs(count - N / 16)).toBeLessThan(5 * Math.sqrt(N / 16));
    const shifted = uniform.slice(1).map((x, i) => (x - 1) * (uniform[i] - 1));
    expect(Math.abs(mean(shifted))).toBeLessThan(five(4 / 3));
  });

  it("is normal", () => {
    const standard = normal.map((x) => (x - 2) / 0.5);
    expect(Math.abs(mean(standard))).toBeLessThan(five(1));
    expect(Math.abs(mean(standard.map((x) => x ** 2)) - 1)).toBeLessThan(five(Math.sqrt(2)));
    expect(Math.abs(mean(standard.map((x) => x ** 3)))).toBeLessThan(five(Math.sqrt(15)));
    expect(Math.abs(mean(standard.map((x) => x ** 4)) - 3)).toBeLessThan(five(Math.sqrt(96)));
  });

  it("tosses coins", () => {
    expect(Math.abs(mean(coins) - 0.2)).toBeLessThan(five(0.4));
  });

  it("permutes, every number to every place", async () => {
    const generator = new Generator(11);
    const n = 5;
    const rounds = 300;
    const [long] = await valuesOf([generator.permutation(129)]);
    const drawn: number[][] = [];
    for (let i = 0; i < rounds; i++) drawn.push(Array.from(await generator.permutation(n).data()));
    expect([...long].sort((a, b) => a - b)).toEqual(Array.from({ length: 129 }, (_, i) => i));
    const counts = Array.from({ length: n }, () => new Array<number>(n).fill(0));
    for (const order of drawn) for (const [place, value] of order.entries()) counts[place][value]++;
    for (const row of counts)
      for (const count of row) expect(Math.abs(count - rounds / n)).toBeLessThan(5 * Math.sqrt(rounds / n));
  });

  it("keeps streams, seeds and draws apart, and repeats them", async () => {
    const make = () => [
      new Generator(1, { stream: "a" }),
      new Generator(1, { stream: "b" }),
      new Generator(2, { stream: "a" }),
      new Generator(2 ** 40 + 1, { stream: "a" }),
    ];
    const draw = () => valuesOf(make().flatMap((generator) => [generator.uniform([4]), generator.uniform([4])]));
    const [first, again] = [await draw(), await draw()];
    expect(first).toEqual(again);
    expect(new Set(first.map(String)).size).toBe(first.length);
  });

  it("goes on from its counter", async () => {
    const generator = new Generator(5);
    await generator.uniform([3]).data();
    const counter = await generator.counter.item();
    const next = await generator.uniform([3]).toArray();
    const resumed = new Generator(5);
    resumed.counter.load([counter]);
    expect(await resumed.uniform([3]).toArray()).toEqual(next);
  });
});
