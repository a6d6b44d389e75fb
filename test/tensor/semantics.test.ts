/** What the Tensor API promises beyond single ops: dtypes, wrap-around, picking, statistics, nesting, printing, accuracy. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  arange,
  concat,
  full,
  grad,
  oneHot,
  stack,
  type Tensor,
  tensor,
  useDevice,
  where,
  zeros,
} from "../../src/index.js";
import { DTypeError, describeError } from "../../src/util/errors.js";
import { devices, valuesOf } from "../support/devices.js";
import { expectAgreement, randomSource } from "../support/numbers.js";

describe.each(devices)("tensors on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("promotes bool < u8 < i32 < f32", () => {
    const [b, u, i, f] = (["bool", "u8", "i32", "f32"] as const).map((dtype) => tensor([1], { dtype }));
    expect(
      [b.add(b), b.add(u), u.add(i), i.add(f), u.add(2), i.mul(0.5), i.div(i), b.mul(1.5)].map((x) => x.dtype),
    ).toEqual(["i32", "u8", "i32", "f32", "u8", "f32", "f32", "f32"]);
    expect([f.lt(1), i.eq(i), b.logicalNot()].map((x) => x.dtype)).toEqual(["bool", "bool", "bool"]);
    expect([i.mean(), u.sum(), b.sum(), f.argmax(), i.exp()].map((x) => x.dtype)).toEqual([
      "f32",
      "i32",
      "i32",
      "i32",
      "f32",
    ]);
  });

  it("takes rows of constants, which have no storage, and NaN where there is none", async () => {
    const rows = tensor([2, 0, 5], { dtype: "i32" });
    const tables = [full([4], 7), arange(4, { dtype: "f32" }), full([1, 2], 3).expand([4, 2])];
    const expected = [
      [7, 7, Number.NaN],
      [2, 0, Number.NaN],
      [3, 3, 3, 3, Number.NaN, Number.NaN],
    ];
    expect(await valuesOf(tables.map((table) => table.take(rows)))).toEqual(expected);
  });

  it("promotes what it joins", async () => {
    const joined = concat([tensor([1, 0], { dtype: "i32" }), tensor([2.5, 3])]);
    expect([joined.dtype, await joined.toArray()]).toEqual(["f32", [1, 0, 2.5, 3]]);
  });

  it("wraps integers around, stored or not", async () => {
    const big = tensor([2 ** 31 - 1, -(2 ** 31)], { dtype: "i32" });
    const bytes = tensor([200, 100], { dtype: "u8" });
    const [sum, product, negated, absolute, stored, inPlace, compared] = await valuesOf([
      big.add(big),
      big.mul(3),
      big.neg(),
      big.abs(),
      bytes.add(bytes),
      bytes.add(bytes).to("f32"),
      bytes.add(bytes).gt(150),
    ]);
    expect([sum, product, negated, absolute]).toEqual([
      [-2, 0],
      [2 ** 31 - 3, -(2 ** 31)],
      [-(2 ** 31) + 1, -(2 ** 31)],
      [2 ** 31 - 1, -(2 ** 31)],
    ]);
    expect([stored, inPlace, compared]).toEqual([
      [144, 200],
      [144, 200],
      [0, 1],
    ]);
  });

  it("casts", async () => {
    const x = tensor([-1.9, -0.5, 0, 0.5, 300.7, Number.NaN]);
    const [i, u, b, back] = await valuesOf([
      x.slice(0, 0, 5).to("i32"),
      x.slice(0, 0, 5).to("u8"),
      x.to("bool"),
      x.to("bool").to("f32"),
    ]);
    expect(i).toEqual([-1, 0, 0, 0, 300]);
    expect(u).toEqual([255, 0, 0, 0, 44]);
    expect([b, back]).toEqual([
      [1, 1, 0, 1, 1, 1],
      [1, 1, 0, 1, 1, 1],
    ]);
  });

  it("picks, NaN outside", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const i = tensor(
      [
        [0, 2],
        [-1, 3],
      ],
      { dtype: "i32" },
    );
    expect(await x.take(i).toArray()).toEqual([
      [
        [1, 2],
        [5, 6],
      ],
      [
        [Number.NaN, Number.NaN],
        [Number.NaN, Number.NaN],
      ],
    ]);
    expect(await x.gather(1, tensor([[1], [0], [2]], { dtype: "i32" })).toArray()).toEqual([[2], [3], [Number.NaN]]);
    expect(await oneHot(tensor([1, 0, 5], { dtype: "i32" }), 3).toArray()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 0],
    ]);
    expect(await stack([x.select(0, 0), x.select(0, -1)], { dim: 1 }).toArray()).toEqual([
      [1, 5],
      [2, 6],
    ]);
  });

  it("chooses and limits", async () => {
    const x = tensor([-2, -0.5, Number.NaN, 3]);
    expect(await where(x.gt(0), x, -1).toArray()).toEqual([-1, -1, -1, 3]);
    expect(await x.clamp({ min: -1, max: 1 }).toArray()).toEqual([-1, -0.5, Number.NaN, 1]);
    expect(await x.clamp({ max: 0 }).toArray()).toEqual([-2, -0.5, Number.NaN, 0]);
    expect(
      await tensor([[true], [false]])
        .where(tensor([1, 2]), 0)
        .toArray(),
    ).toEqual([
      [1, 2],
      [0, 0],
    ]);
    const scalar = tensor([true, false]).where(1, 2);
    expect([scalar.dtype, await scalar.toArray()]).toEqual(["f32", [1, 2]]);
  });

  it("passes NaN through extrema, relu, sign and positions", async () => {
    const x = tensor([1, Number.NaN, 3]);
    const [most, least, relu, sign, first, last] = await valuesOf([
      x.max(),
      x.min(),
      x.relu(),
      x.sign(),
      x.argmax(),
      x.argmin(),
    ]);
    expect([most, least, relu, sign, first, last]).toEqual([
      [Number.NaN],
      [Number.NaN],
      [1, Number.NaN, 3],
      [1, Number.NaN, 1],
      [1],
      [1],
    ]);
  });

  it("finds the smallest integer and the first of equals", async () => {
    const x = tensor([3, -(2 ** 31), 5, 2 ** 31 - 1], { dtype: "i32" });
    expect(
      await valuesOf([
        x.argmin(),
        x.argmax(),
        x.min(),
        tensor([2, 2, 1, 1]).argmin(),
        tensor([0, 5, 3], { dtype: "u8" }).argmin(),
      ]),
    ).toEqual([[1], [3], [-(2 ** 31)], [2], [0]]);
  });

  it("computes statistics", async () => {
    const x = tensor([
      [1, 2, 4],
      [3, 3, 3],
    ]);
    const [all, rows, biased, single] = await valuesOf([
      x.variance(),
      x.variance({ dim: 1 }),
      x.variance({ dim: 0, correction: 0 }),
      tensor([5]).variance(),
    ]);
    expectAgreement(all, [16 / 15], { relative: 1e-6, absolute: 0 });
    expectAgreement(rows, [7 / 3, 0], { relative: 1e-6, absolute: 0 });
    expectAgreement(biased, [1, 0.25, 0.25], { relative: 1e-6, absolute: 0 });
    expect(single).toEqual([Number.NaN]);
  });

  it("sums a million f32 terms to the accuracy of blocks", async () => {
    const random = randomSource(3);
    const n = 1_000_000;
    const values = Float32Array.from({ length: n }, () => random() + 0.5);
    const x = tensor(values);
    const exact = values.reduce((sum, v) => sum + v, 0);
    const [whole, columns, odd] = await valuesOf([
      x.sum(),
      x.reshape([n / 2, 2]).sum({ dim: 0 }),
      x.slice(0, 0, n - 1).sum(),
    ]);
    // A running sum would be off by about 1e-4; blocks of 512 keep it near √n/512 ulps.
    expectAgreement(whole, [exact], { relative: 1e-6, absolute: 0 });
    expectAgreement([columns[0] + columns[1]], [exact], { relative: 1e-6, absolute: 0 });
    expectAgreement(odd, [exact - values[n - 1]], { relative: 1e-6, absolute: 0 });
  });

  it("nests and prints", async () => {
    const x = tensor([
      [1, 2.5],
      [-3, 1e-7],
    ]);
    expect(await tensor([[true, false]]).toArray()).toEqual([[true, false]]);
    expect(await zeros([2, 0]).toArray()).toEqual([[], []]);
    expect(await tensor(3).toArray()).toBe(3);
    expect(await x.toText()).toBe("Tensor f32[2, 2]\n[[  1.0000,   2.5000],\n [ -3.0000, 1.000e-7]]");
    expect(await tensor([0, 0.5, Number.NaN]).toText()).toBe("Tensor f32[3]\n[0.0000, 0.5000,    NaN]");
    expect(await arange(3).toText()).toBe("Tensor i32[3]\n[0, 1, 2]");
    expect(await tensor(2).toText()).toBe("Tensor f32[]\n2.0");
    expect(await zeros([0]).toText()).toBe("Tensor f32[0]\n[]");
    expect(await arange(2000).toText()).toBe("Tensor i32[2000]\n[   0,    1,    2, …, 1997, 1998, 1999]");
  });

  it("shapes: -1, squeeze, flatten, expand", () => {
    const x = zeros([2, 1, 3]);
    const shapes = [
      x.reshape([-1, 2]),
      x.squeeze(),
      x.squeeze({ dim: 0 }),
      x.flatten({ startDim: 1 }),
      x.flatten(),
      x.expand([4, 2, 5, -1]),
      x.unsqueeze(-1),
      tensor(1).flatten(),
    ];
    expect(shapes.map((y: Tensor) => y.shape)).toEqual([
      [3, 2],
      [2, 3],
      [2, 1, 3],
      [2, 3],
      [6],
      [4, 2, 5, 3],
      [2, 1, 3, 1],
      [1],
    ]);
  });

  it("computes with scalars and size 0", async () => {
    const empty = zeros([0, 3]);
    const [sum, mean, product, matrix] = await valuesOf([
      empty.sum(),
      empty.mean(),
      empty.prod(),
      empty.transpose().matmul(empty),
    ]);
    expect([sum, mean, product, matrix]).toEqual([[0], [Number.NaN], [1], new Array(9).fill(0)]);
    expect(await valuesOf(grad(empty.square().sum(), [empty]))).toEqual([[]]);
  });
});

it("refuses f64 on wasm, with the way out", async () => {
  await useDevice("wasm");
  const doubles = () => tensor(new Float64Array([1, 2]));
  for (const [op, build] of [
    ["data", () => full([2], 1, { dtype: "f64" })],
    ["exp", () => doubles().exp()],
    ["add", () => doubles().add(1)],
    ["add", () => doubles().add(1).to("f32")],
    ["cast", () => tensor([1, 2]).to("f64").mul(2).to("f32")],
  ] as const) {
    const error = await build()
      .data()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DTypeError);
    expect(describeError(error)).toBe(
      `[${op}] the wasm device has no f64. Use .to("f32"), or useDevice("native") or useDevice("interp")`,
    );
  }
});
