/**
 * The sweep over the structural table: every op against its float64 loop, on every device and on emulated machines, with
 * gradients against central differences of that loop, and with inputs that are transposed, flipped or sliced views.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type DType, grad, type Tensor, tensor, useDevice } from "../../src/index.js";
import { structuralNames } from "../../src/ops/index.js";
import { dot, fill, get, type NdArray, sizeOf } from "../support/arrays.js";
import { devices, valuesOf } from "../support/devices.js";
import { emulatedTargets } from "../support/emulator.js";
import {
  centralDifferences,
  expectAgreement,
  spreadPositions,
  spreadValues,
  type Tolerance,
} from "../support/numbers.js";
import { type Conditioned, conditioned, expectRounded } from "../support/terms.js";
import type { StructuralCase } from "./contraction-cases.js";
import { structuralCases } from "./structural-cases.js";

// Tasks are shared out, and wasm has a pool.
process.env.FOVEA_THREADS = "2";

const F64 = { relative: 1e-12, absolute: 1e-12 };
/** Central differences with a step of 1e-5 leave about nine digits; the largest products have 65 factors. */
const DIFFERENCES = { relative: 1e-6, absolute: 1e-6 };
/** Winograd's constants are f32 on emulated machines too. */
const EMULATED = { relative: 2e-6, absolute: 2e-6 };
/** Cases computed by one program: small kernels are shared, planning stays quick. */
const TOGETHER = 24;

type View = "plain" | "transposed" | "flipped" | "sliced";
const views: readonly View[] = ["plain", "transposed", "flipped", "sliced"];

const leaf = (x: NdArray, dtype: DType): Tensor => tensor(x.values, { shape: x.shape, dtype });
const last = (x: NdArray): number => x.shape.length - 1;

/** A tensor with the values of x that lies in memory in another way. */
function viewOf(x: NdArray, view: View, dtype: DType): Tensor {
  const axis = last(x);
  if (view === "plain" || axis < 0) return leaf(x, dtype);
  if (view === "flipped") {
    const reversed = fill(x.shape, (at) => get(x, at.with(axis, x.shape[axis] - 1 - at[axis])));
    return leaf(reversed, dtype).flip(axis);
  }
  if (view === "sliced") {
    const wide = x.shape.with(axis, 2 * x.shape[axis] + 1);
    const gapped = fill(wide, (at) => (at[axis] % 2 === 1 ? get(x, at.with(axis, (at[axis] - 1) / 2)) : 99));
    return leaf(gapped, dtype).slice(axis, 1, wide[axis], { step: 2 });
  }
  if (axis < 1) return leaf(x, dtype);
  const swapped = fill([...x.shape.slice(0, axis - 1), x.shape[axis], x.shape[axis - 1]], (at) =>
    get(x, [...at.slice(0, axis - 1), at[axis], at[axis - 1]]),
  );
  return leaf(swapped, dtype).transpose();
}

interface Run {
  readonly op: string;
  readonly entry: StructuralCase;
  readonly view: View;
  readonly inputs: readonly NdArray[];
  readonly weights: readonly number[];
  readonly expected: NdArray;
  readonly differentiable: boolean;
  /** Whether it runs where every access is followed, in the interpreter and on emulated machines, and nowhere else. */
  readonly structural: boolean;
}

const runs: Run[] = structuralNames.flatMap((op) =>
  structuralCases[op].flatMap((entry, c) => {
    const inputs = entry.shapes.map((shape, i) => ({ shape, values: spreadValues(sizeOf(shape), 10 * c + i + 1) }));
    const expected = entry.meaning(...inputs);
    const weights = spreadValues(expected.values.length, 77);
    const differentiable = entry.smooth !== false && entry.shapes.length > 0;
    // Two cases of an op with every view, the rest plainly. Machine code has one of the two: views change what is read.
    const kinds = (c === 1 || c === 2) && entry.shapes.length > 0 ? views : views.slice(0, 1);
    return kinds.map((view) => {
      const structural = c === 2 && view !== "plain";
      return { op, entry, view, inputs, weights, expected, differentiable, structural };
    });
  }),
);

function build(run: Run, dtype: DType): Tensor[] {
  const operands = run.inputs.map((x) => viewOf(x, run.view, dtype));
  const output = run.entry.build(...operands);
  expect(output.shape, `${run.op} ${run.entry.name}`).toEqual(run.expected.shape);
  if (!run.differentiable) return [output];
  const gradOutput = tensor([...run.weights], { shape: output.shape, dtype });
  return [output, ...grad(output, operands, { gradOutput })];
}

/** Elements whose gradient is compared: all of a small input, some of a large one. */
const checkedPositions = ({ values }: NdArray): number[] => spreadPositions(values.length, 25);

/** Gradients of Σ weights · meaning, for each input. */
function numericGradients({ entry, inputs, weights }: Run): number[][] {
  return inputs.map((input, k) =>
    centralDifferences(
      (values) => dot(entry.meaning(...inputs.with(k, { shape: input.shape, values: [...values] })).values, weights),
      input.values,
      1e-5,
      checkedPositions(input),
    ),
  );
}

const numeric = new Map<StructuralCase, number[][]>();
function gradientsOf(run: Run): number[][] {
  const known = numeric.get(run.entry) ?? numericGradients(run);
  numeric.set(run.entry, known);
  return known;
}

it("has cases for every structural op", () => {
  for (const op of structuralNames) expect(structuralCases[op].length, op).toBeGreaterThan(0);
});

interface Place {
  readonly name: string;
  readonly dtype: DType;
  /** Tolerances of values and of gradients; null for devices that round at every step. */
  readonly tolerance: Tolerance | null;
  readonly gradients: Tolerance;
  /** The device of the i-th program. */
  readonly device: (i: number) => string;
  readonly together: number;
  readonly runs: readonly Run[];
}
/** One case of every op, plainly. */
const few = structuralNames.map((op) => {
  const plain = runs.filter((run) => run.op === op && run.view === "plain");
  return plain[1] ?? plain[0];
});

/** What runs on the devices for use. */
const rounding = runs.filter(({ structural }) => !structural);
const places: readonly Place[] = [
  ...devices.map((name): Place => {
    const fitting =
      name === "interp"
        ? { dtype: "f64" as const, tolerance: F64, gradients: DIFFERENCES, runs }
        : { dtype: "f32" as const, tolerance: null, gradients: DIFFERENCES, runs: rounding };
    return { name, ...fitting, device: () => name, together: TOGETHER };
  }),
  {
    name: "native, f64",
    ...{ dtype: "f64", tolerance: F64, gradients: DIFFERENCES },
    device: () => "native",
    together: 2 * TOGETHER,
    runs: few,
  },
  {
    name: "emulated machines",
    ...{ dtype: "f32", tolerance: EMULATED, gradients: EMULATED },
    device: (i) => emulatedTargets[(5 * i) % emulatedTargets.length].name,
    together: 5,
    runs,
  },
];

/** The oracle's results of each case and their Σ|terms|, for the devices that round; views do not change them. */
let terms: Promise<Map<StructuralCase, Conditioned[]>> | null = null;
async function termsOfCases(): Promise<Map<StructuralCase, Conditioned[]>> {
  const plain = rounding.filter(({ view }) => view === "plain");
  const all = new Map<StructuralCase, Conditioned[]>();
  for (let start = 0; start < plain.length; start += TOGETHER) {
    const built = plain.slice(start, start + TOGETHER).map((run) => [run.entry, build(run, "f32")] as const);
    const found = await conditioned(() => built.flatMap(([, tensors]) => tensors));
    let at = 0;
    for (const [entry, { length }] of built) {
      all.set(entry, found.slice(at, at + length));
      at += length;
    }
  }
  return all;
}

describe.each(places)("structural ops on $name", (place) => {
  const { dtype, tolerance, gradients: ofGradients, device, together, runs } = place;
  const found = new Map<Run, number[][]>();
  let rounded: Map<StructuralCase, Conditioned[]> | null = null;

  beforeAll(async () => {
    if (!tolerance) {
      terms ??= termsOfCases();
      rounded = await terms;
    }
    for (let start = 0; start < runs.length; start += together) {
      await useDevice(device(start / together));
      const some = runs.slice(start, start + together);
      const built = some.map((run) => build(run, dtype));
      const values = await valuesOf(built.flat());
      let at = 0;
      some.forEach((run, i) => {
        found.set(run, values.slice(at, at + built[i].length));
        at += built[i].length;
      });
    }
  });

  it.each(runs.map((run) => [run.op, run.entry.name, run.view, run] as const))("%s %s, %s", (_, __, ___, run) => {
    const [output, ...gradients] = found.get(run) ?? [];
    const sizes = run.differentiable ? gradientsOf(run) : [];
    const scale = (values: readonly number[]) => Math.max(1, ...values.map(Math.abs).filter(Number.isFinite));
    const scaled = (values: readonly number[], { relative, absolute }: Tolerance) => ({
      relative,
      absolute: absolute * scale(values),
    });
    const [ofOutput, ...ofEach] = rounded?.get(run.entry) ?? [];
    if (tolerance) expectAgreement(output, run.expected.values, scaled(run.expected.values, tolerance), "value");
    else expectRounded(output, { values: run.expected.values, terms: ofOutput.terms }, "value");
    gradients.forEach((values, k) => {
      const checked = checkedPositions(run.inputs[k]).map((i) => values[i]);
      if (rounded) expectRounded(values, ofEach[k], `gradient ${k}`);
      else expectAgreement(checked, sizes[k], scaled(sizes[k], ofGradients), `gradient ${k}`);
    });
  });
});
