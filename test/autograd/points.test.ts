/**
 * Where a derivative is chosen and not computed (bounds, ties, zeros, functions that do not depend on their operand), it is
 * chosen as PyTorch chooses. points.py writes points.json.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { grad, Parameter, type Tensor, tensor, useDevice, zeros } from "../../src/index.js";
import { devices, valuesOf } from "../support/devices.js";
import { expectAgreement } from "../support/numbers.js";

const numbers = z.array(z.union([z.number(), z.string().transform(Number)]));
const schema = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      inputs: z.array(numbers),
      values: numbers,
      grads: z.array(numbers),
      second: numbers.optional(),
    }),
  ),
});
const { cases } = schema.parse(JSON.parse(readFileSync(new URL("points.json", import.meta.url), "utf8")));

/** The functions of points.py by their names there. */
const functions: Readonly<Record<string, (...x: Tensor[]) => Tensor>> = {
  "clamp 0 1": (x) => x.clamp({ min: 0, max: 1 }),
  "clamp min": (x) => x.clamp({ min: 0.5 }),
  "clamp max": (x) => x.clamp({ max: 0.5 }),
  "clamp crossed": (x) => x.clamp({ min: 1, max: 0 }),
  abs: (x) => x.abs(),
  sign: (x) => x.sign(),
  relu: (x) => x.relu(),
  floor: (x) => x.floor(),
  round: (x) => x.round(),
  sqrt: (x) => x.sqrt(),
  log: (x) => x.log(),
  "pow 0": (x) => x.pow(0),
  "pow 1": (x) => x.pow(1),
  "pow 2": (x) => x.pow(2),
  "pow 1.5": (x) => x.pow(1.5),
  "pow -1": (x) => x.pow(-1),
  pow: (x, y) => x.pow(y),
  remainder: (x, y) => x.mod(y),
  maximum: (x, y) => x.maximum(y),
  minimum: (x, y) => x.minimum(y),
  max: (x) => x.max(),
  "max of a dim": (x) => x.max({ dim: 0 }),
  min: (x) => x.min(),
  "min of a dim": (x) => x.min({ dim: 0 }),
  log1p: (x) => x.log1p(),
  expm1: (x) => x.expm1(),
  log2: (x) => x.log2(),
  log10: (x) => x.log10(),
  exp2: (x) => x.exp2(),
  asin: (x) => x.asin(),
  acos: (x) => x.acos(),
  atan: (x) => x.atan(),
  sinh: (x) => x.sinh(),
  cosh: (x) => x.cosh(),
  asinh: (x) => x.asinh(),
  acosh: (x) => x.acosh(),
  atanh: (x) => x.atanh(),
  erfinv: (x) => x.erfinv(),
  frac: (x) => x.frac(),
  trunc: (x) => x.trunc(),
  sinc: (x) => x.sinc(),
  nanToNum: (x) => x.nanToNum({ posinf: 7, neginf: -7 }),
  fmod: (x, y) => x.fmod(y),
  atan2: (x, y) => x.atan2(y),
  hypot: (x, y) => x.hypot(y),
  logaddexp: (x, y) => x.logaddexp(y),
  lerp: (x, y, w) => x.lerp(y, w),
  prod: (x) => x.prod(),
  "prod with a zero": (x) => x.prod(),
  "prod with zeros": (x) => x.prod(),
};

const tolerance = { relative: 1e-6, absolute: 1e-12 };

describe.each(devices)("derivatives on %s", (device) => {
  beforeAll(() => useDevice(device));

  it.each(cases.map(({ name }, i) => [name, i] as const))("%s", async (name, i) => {
    const { inputs, values, grads, second } = cases[i];
    const operands = inputs.map((list) => tensor(list));
    const made = functions[name](...operands);
    const first = grad(made.sum(), operands);
    const weights = tensor(Array.from(second ?? [], (_, k) => k + 1));
    // Built before anything is read, which ends dependences.
    const again = second ? grad(first[0].mul(weights).sum(), operands) : [];
    const [found, ...derivatives] = await valuesOf([made, ...first, ...again]);
    expectAgreement(found, values, tolerance, "value");
    grads.forEach((wanted, k) => {
      expectAgreement(derivatives[k], wanted, tolerance, `d${k}`);
    });
    if (second) expectAgreement(derivatives[grads.length], second, tolerance, "second");
  });

  it("leave zeros, not null, where a function does not change with its operand", async () => {
    const flat: readonly ((x: Tensor) => Tensor)[] = [
      (x) => x.pow(0),
      (x) => x.floor(),
      (x) => x.ceil(),
      (x) => x.round(),
      (x) => x.sign(),
      (x) => x.mul(0),
      (x) => x.clamp({ min: 5, max: 6 }),
    ];
    for (const f of flat) {
      const p = new Parameter(tensor([1.5, -2.5]));
      f(p).sum().backward();
      expect(await p.grad?.toArray(), String(f)).toEqual([0, 0].map(() => expect.closeTo(0, 12)));
    }
  });

  it("of long products, with zeros in them", async () => {
    const length = 300;
    const list = Array.from({ length }, (_, i) => 1 + ((i % 7) - 3) / 40);
    for (const holes of [[], [17], [3, 250]]) {
      const x = tensor(list.map((value, i) => (holes.includes(i) ? 0 : value)));
      const [[...found]] = await valuesOf(grad(x.prod(), [x]));
      const wanted = list.map((_, i) =>
        list.reduce((product, value, j) => (j === i ? product : product * (holes.includes(j) ? 0 : value)), 1),
      );
      expectAgreement(found, wanted, { relative: 1e-4, absolute: 0 }, `zeros at ${holes}`);
    }
  });

  it("of products over several axes", async () => {
    const x = tensor(
      Array.from({ length: 24 }, (_, i) => (i === 5 ? 0 : 0.5 + i / 16)),
      { shape: [2, 3, 4] },
    );
    const [found] = await valuesOf(
      grad(
        x
          .prod({ dim: [0, 2] })
          .mul(tensor([1, 2, 3]))
          .sum(),
        [x],
      ),
    );
    const values = await x.data();
    const wanted = Array.from(values, (_, i) => {
      const row = Math.floor(i / 4) % 3;
      const others = Array.from(values, (value, j) => (Math.floor(j / 4) % 3 === row && j !== i ? value : 1));
      return (row + 1) * others.reduce((a, b) => a * b);
    });
    expectAgreement(found, wanted, { relative: 1e-5, absolute: 0 });
  });

  it("of softmax over no elements have its shape", async () => {
    const x = zeros([3, 0]);
    expect(x.softmax(1).shape).toEqual([3, 0]);
    expect(x.logSoftmax(1).shape).toEqual([3, 0]);
    const [dx] = grad(x.softmax(1).sum(), [x]);
    expect(dx.shape).toEqual([3, 0]);
    expect([await x.softmax(1).toArray(), await dx.toArray()]).toEqual([
      [[], [], []],
      [[], [], []],
    ]);
  });
});
