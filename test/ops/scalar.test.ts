/**
 * The sweep over the scalar table: every op, on every dtype it takes, on every device. Forward against the record's own
 * meaning, gradients against central differences of that meaning. A new record is swept as soon as it is in the table. The
 * whole range of floats is swept by accuracy.test.ts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type DType, full, grad, Tensor, tensor, useDevice } from "../../src/index.js";
import { hostArray, isFloat, wrap } from "../../src/ir/dtype.js";
import { type ScalarName, scalarNames, scalarOps, scalarResult } from "../../src/ir/scalar/index.js";
import { graph } from "../../src/ops/index.js";
import { devices, fastDevices, valuesOf } from "../support/devices.js";
import { centralDifferences, DOUBLE_ULPS, doublesBetween, expectAgreement, ulpsBetween } from "../support/numbers.js";

const INT32 = 2 ** 31;
/** A vector of any width and a tail: no length below is a multiple of 4. */
const LEAST = 67;

const takes = (name: ScalarName, dtype: DType): boolean => {
  const { operands } = scalarOps[name];
  const kind = isFloat(dtype) ? "float" : dtype === "bool" ? "bool" : "int";
  if (operands === "int") return dtype === "i32";
  return operands === "any" || operands === kind || (operands === "number" && kind !== "bool");
};

/** Operand tuples that the dtype can hold. */
function tuplesFor(name: ScalarName, dtype: DType): number[][] {
  const { cases, arity } = scalarOps[name];
  if (isFloat(dtype)) return cases.map((tuple) => tuple.map((x) => (dtype === "f32" ? Math.fround(x) : x)));
  const limits = { bool: [0, 1], u8: [0, 255], i32: [-INT32, INT32 - 1] }[dtype as "bool" | "u8" | "i32"];
  const holds = (x: number) => Number.isInteger(x) && !Object.is(x, -0) && x >= limits[0] && x <= limits[1];
  const own = cases.filter((tuple) => tuple.every(holds)).map((tuple) => [...tuple]);
  if (scalarOps[name].operands === "int") return own;
  const whole = { bool: [0, 1], u8: [0, 1, 2, 7, 100, 200, 255], i32: [-INT32, -7, -1, 0, 1, 2, 65537, INT32 - 1] };
  const values = whole[dtype as "bool" | "u8" | "i32"];
  const head = name === "select" ? [0, 1] : values;
  let tuples = head.map((x) => [x]);
  for (let k = 1; k < arity; k++) tuples = tuples.flatMap((tuple) => values.map((x) => [...tuple, x]));
  return [...own, ...tuples];
}

/** Repeated up to a length with whole vectors and a tail. */
function padded(tuples: readonly number[][]): number[][] {
  const length = Math.max(LEAST, tuples.length | 1);
  return Array.from({ length }, (_, i) => tuples[i % tuples.length]);
}

const operandTypes = (name: ScalarName, dtype: DType): DType[] =>
  Array.from({ length: scalarOps[name].arity }, (_, k) => (name === "select" && k === 0 ? "bool" : dtype));

function operandsOf(name: ScalarName, dtype: DType, tuples: readonly number[][]): Tensor[] {
  return operandTypes(name, dtype).map((type, k) => {
    const values = hostArray(type, tuples.length);
    values.set(tuples.map((tuple) => tuple[k]));
    return tensor(values, { dtype: type });
  });
}

const apply = (name: ScalarName, operands: readonly Tensor[]): Tensor =>
  new Tensor(graph.op(name, ...operands.map((x) => x.node)));

function meaningOf(name: ScalarName, dtype: DType, tuple: readonly number[]): number {
  const { meaning, integerMeaning } = scalarOps[name];
  const value = dtype === "i32" && integerMeaning ? integerMeaning(...tuple) : meaning(...tuple);
  return wrap(value, scalarResult(name, operandTypes(name, dtype)));
}

interface Sweep {
  readonly name: ScalarName;
  readonly dtype: DType;
  readonly tuples: number[][];
}

const sweepOf = (types: readonly DType[]): Sweep[] =>
  scalarNames.flatMap((name) =>
    types
      .filter((dtype) => takes(name, dtype))
      .map((dtype) => ({ name, dtype, tuples: padded(tuplesFor(name, dtype)) })),
  );

describe.each(devices)("scalar ops on %s", (device) => {
  const sweeps = sweepOf(device === "wasm" ? ["f32", "i32", "u8", "bool"] : ["f32", "f64", "i32", "u8", "bool"]);
  let results: number[][] = [];

  beforeAll(async () => {
    await useDevice(device);
    results = await valuesOf(sweeps.map(({ name, dtype, tuples }) => apply(name, operandsOf(name, dtype, tuples))));
  });

  it.each(sweeps.map((sweep, i) => [sweep.name, sweep.dtype, sweep, i] as const))(
    "%s of %s",
    (name, dtype, sweep, i) => {
      const { ulps } = scalarOps[name];
      sweep.tuples.forEach((tuple, k) => {
        const wanted = meaningOf(name, dtype, tuple);
        const found = results[i][k];
        const floating = isFloat(dtype) || scalarOps[name].result === "f32";
        const distance = dtype === "f64" ? doublesBetween(found, wanted) : ulpsBetween(found, Math.fround(wanted));
        expect(distance, `${name}(${tuple.join(", ")}) = ${found}, meant ${wanted}`).toBeLessThanOrEqual(
          device === "interp" || !floating ? 0 : dtype === "f64" && ulps > 0 ? DOUBLE_ULPS : ulps,
        );
      });
    },
  );

  it("casts floats beyond the range of i32 to its ends and NaN to 0, and to u8 by the low byte of that", async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const rows = [
      [nan, 0, 0, 1],
      [inf, INT32 - 1, 255, 1],
      [-inf, -INT32, 0, 1],
      [3e9, INT32 - 1, 255, 1],
      [INT32, INT32 - 1, 255, 1],
      [INT32 - 128, INT32 - 128, 128, 1],
      [-INT32, -INT32, 0, 1],
      [-3e9, -INT32, 0, 1],
      [255.75, 255, 255, 1],
      [256, 256, 0, 1],
      [300.5, 300, 44, 1],
      [1.9, 1, 1, 1],
      [-0.9, 0, 0, 1],
      [-1.9, -1, 255, 1],
      [-0, 0, 0, 0],
    ];
    const column = (k: number) => rows.map((row) => row[k]);
    const long = tensor(Array.from({ length: 5 }, () => column(0)).flat());
    const single = rows.map(([value]) => full([1], value));
    const found = await valuesOf([long.to("i32"), long.to("u8"), long.to("bool")]);
    const constants = await valuesOf(single.flatMap((x) => [x.to("i32"), x.to("u8"), x.to("bool")]));
    found.forEach((values, k) => {
      expect(values).toEqual(Array.from({ length: 5 }, () => column(k + 1)).flat());
    });
    expect(constants.flat()).toEqual(rows.flatMap((row) => row.slice(1)));
  });

  it("casts integers to narrower ones by their low bits", async () => {
    const x = tensor(Int32Array.from([300, -1, 255, 256, -INT32, INT32 - 1]));
    expect(await valuesOf([x.to("u8")])).toEqual([[44, 255, 255, 0, 0, 255]]);
  });

  it("keeps the sign of zero", async () => {
    const zero = () => tensor([-0, 0, -0]);
    const [negated, sum, product, root, square] = await valuesOf([
      zero().neg(),
      zero().add(tensor([-0, 0, 0])),
      zero().mul(tensor([1, -1, -1])),
      zero().sqrt(),
      zero().add(0),
    ]);
    expect(negated).toEqual([0, -0, 0]);
    expect(sum).toEqual([-0, 0, 0]);
    expect(product).toEqual([-0, -0, 0]);
    expect(root).toEqual([-0, 0, -0]);
    expect(square).toEqual([0, 0, 0]);
  });
});

/** Operands at which an op has a derivative: finite, away from zero, with a finite result. */
function smoothTuples(name: ScalarName): number[][] {
  const { cases, meaning } = scalarOps[name];
  const regular = (tuple: readonly number[]) =>
    tuple.every((x, k) => Number.isFinite(x) && (x !== 0 || (name === "select" && k === 0))) &&
    Number.isFinite(meaning(...tuple)) &&
    tuple.every((x) => Math.abs(x) === 0 || Math.abs(x) > 1e-30);
  return cases.filter(regular).map((tuple) => tuple.map(Math.fround));
}

describe("gradients of scalar ops", () => {
  const differentiable = scalarNames.filter((name) => scalarOps[name].gradient && scalarOps[name].smooth);
  const sweeps = differentiable.map((name) => ({ name, tuples: padded(smoothTuples(name)) }));
  const weights = (length: number) => Array.from({ length }, (_, i) => 0.5 + (i % 7) / 4);
  const found = new Map<string, number[][]>();

  const gradientsOf = (dtype: DType) =>
    sweeps.flatMap(({ name, tuples }) => {
      const operands = operandsOf(name, dtype, tuples);
      const gradOutput = tensor(weights(tuples.length), { dtype });
      return grad(apply(name, operands), operands, { gradOutput });
    });

  beforeAll(async () => {
    for (const [device, dtype] of [["interp", "f64"], ...devices.map((name) => [name, "f32"] as const)] as const) {
      await useDevice(device);
      found.set(`${device} ${dtype}`, await valuesOf(gradientsOf(dtype)));
    }
  });

  it("has a derivative or says that there is none", () => {
    const none = scalarNames.filter((name) => !scalarOps[name].gradient);
    expect(
      none.every((name) => scalarOps[name].result !== "same" || ["bool", "int"].includes(scalarOps[name].operands)),
    ).toBe(true);
  });

  let at = 0;
  const rows = sweeps.map((sweep) => {
    const first = at;
    at += scalarOps[sweep.name].arity;
    return [sweep.name, sweep.tuples, first] as const;
  });

  it.each(rows)("%s", (name, tuples, first) => {
    const factor = weights(tuples.length);
    const { arity, meaning } = scalarOps[name];
    for (let k = name === "select" ? 1 : 0; k < arity; k++) {
      const numeric = tuples.map((tuple, i) => factor[i] * centralDifferences((x) => meaning(...x), tuple, 1e-6)[k]);
      // Central differences are good to about step² and to rounding over step, 1e-9 of the values.
      const scale = 1 + Math.max(...tuples.map((tuple) => Math.abs(meaning(...tuple))).filter((y) => y < 1e6));
      expectAgreement(
        found.get("interp f64")?.[first + k] ?? [],
        numeric,
        { relative: 1e-6, absolute: 1e-8 * scale },
        `d${k}`,
      );
      const reference = found.get("interp f32")?.[first + k] ?? [];
      for (const device of fastDevices) {
        const values = found.get(`${device} f32`)?.[first + k] ?? [];
        expectAgreement(values, reference, { relative: 2e-5, absolute: 1e-6 }, `${device} d${k}`);
      }
    }
  });
});
