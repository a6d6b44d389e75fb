/** Products of matrices larger than a block of any kind: tasks, strips of rows, panels of columns and cut depths. */
import { beforeAll, describe, it } from "vitest";
import { compile, grad, type Tensor, tensor, useDevice, Variable } from "../../src/index.js";
import { fastDevices } from "../support/devices.js";
import { compare, dealt } from "../support/emulator.js";
import { type Conditioned, expectRounded } from "../support/terms.js";

/** Numbers between -0.5 and 0.5 that look random. */
function values(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.fround(((i * 7919 + seed * 104729) % 1009) / 1009 - 0.5));
}

/** a · b in float64, and the sums of the absolute values of its terms. */
function product(a: Float64Array, b: Float64Array, [m, k, n]: readonly number[]): Conditioned {
  const [values, terms] = [new Float64Array(m * n), new Float64Array(m * n)];
  for (let i = 0; i < m; i++) {
    for (let d = 0; d < k; d++) {
      const left = a[i * k + d];
      for (let j = 0; j < n; j++) {
        const term = left * b[d * n + j];
        values[i * n + j] += term;
        terms[i * n + j] += Math.abs(term);
      }
    }
  }
  return { values, terms };
}

async function expectProduct(found: Tensor, expected: Conditioned, k: number): Promise<void> {
  expectRounded(await found.data(), expected, "product", Math.max(8, Math.sqrt(k)));
}

describe.each(fastDevices)("%s", (device) => {
  beforeAll(() => useDevice(device));

  it.each([
    ["many strips, the last of them short", [300, 150, 96]],
    ["several tasks of rows and columns, none of them whole", [1100, 70, 610]],
    ["a depth that divides", [29, 4608, 64]],
    ["a depth that does not", [41, 9001, 35]],
    ["rows whose lines share a set of the first-level cache", [45, 1024, 96]],
    ["a last tile that begins earlier", [131, 784, 160]],
    ["fewer rows than a tile, one column", [3, 200, 1]],
  ] as const)("%s", async (_, shape) => {
    const [m, k, n] = shape;
    const [left, right] = [values(m * k, 1), values(k * n, 2)];
    const [a, b] = [tensor(left, { shape: [m, k], dtype: "f32" }), tensor(right, { shape: [k, n], dtype: "f32" })];
    await expectProduct(a.matmul(b), product(left, right, shape), k);
  });

  it("rows of a view, of each item of a batch, and of a matrix that is turned", async () => {
    const [m, k, n] = [37, 120, 64];
    const [left, right] = [values(2 * m * 2 * k, 5), values(k * n, 6)];
    const whole = tensor(left, { shape: [2 * m, 2 * k], dtype: "f32" });
    const b = tensor(right, { shape: [k, n], dtype: "f32" });
    const part = (from: number) =>
      Float64Array.from({ length: m * k }, (_, i) => left[(from + Math.floor(i / k)) * 2 * k + 7 + (i % k)]);
    const view = compile((x: Tensor, y: Tensor) =>
      x
        .slice(1, 7, 7 + k)
        .slice(0, m, 2 * m)
        .matmul(y),
    );
    await expectProduct(await view(whole, b), product(part(m), right, [m, k, n]), k);
    const batch = compile((x: Tensor, y: Tensor) =>
      x
        .slice(1, 7, 7 + k)
        .reshape([2, m, k])
        .matmul(y),
    );
    const [first, second] = [part(0), part(m)].map((rows) => product(rows, right, [m, k, n]));
    await expectProduct(
      await batch(whole, b),
      {
        values: [...Array.from(first.values), ...Array.from(second.values)],
        terms: [...Array.from(first.terms), ...Array.from(second.terms)],
      },
      k,
    );
    const turned = compile((x: Tensor, y: Tensor) => x.transpose().matmul(y));
    const a = Float64Array.from({ length: m * k }, (_, i) => part(0)[(i % m) * k + Math.floor(i / m)]);
    const found = await turned(tensor(a, { shape: [k, m], dtype: "f32" }), b);
    await expectProduct(found, product(part(0), right, [m, k, n]), k);
  });

  it("what is added in place behind a product is added once", async () => {
    const shape = [500, 4500, 48] as const;
    const [m, k, n] = shape;
    const [left, right] = [values(m * k, 3), values(k * n, 4)];
    const [a, b] = [tensor(left, { shape: [m, k], dtype: "f32" }), tensor(right, { shape: [k, n], dtype: "f32" })];
    const total = new Variable(tensor(new Float32Array(m * n).fill(1), { shape: [m, n] }));
    const step = compile((x: Tensor, y: Tensor) => total.assign(total.add(x.matmul(y))));
    await step(a, b);
    await step(a, b);
    const { values: once, terms } = product(left, right, shape);
    await expectProduct(
      total,
      {
        values: Float64Array.from(once, (value) => 1 + 2 * value),
        terms: Float64Array.from(terms, (term) => 1 + 2 * term),
      },
      k,
    );
  });
});

describe("on emulated machines", () => {
  const shapes = [
    [37, 300, 77],
    [131, 150, 96],
    [310, 20, 61],
    [29, 608, 64],
    [41, 901, 35],
    [45, 256, 96],
    [3, 200, 1],
    [1, 33, 250],
  ] as const;

  it.each(dealt(shapes, 5))("products of sizes $entry and both gradients, $device", async ({ entry, device }) => {
    const [m, k, n] = entry;
    const work = () => {
      const a = tensor(values(m * k, 1), { shape: [m, k], dtype: "f32" });
      const b = tensor(values(k * n, 2), { shape: [k, n], dtype: "f32" });
      const c = tensor(values(m * n, 3), { shape: [m, n], dtype: "f32" });
      return [a.matmul(b).add(c).tanh(), ...grad(a.matmul(b), [a, b], { gradOutput: c })];
    };
    await compare(device, work, { relative: 1e-6, absolute: 1e-9 }, entry.join());
  });
});
