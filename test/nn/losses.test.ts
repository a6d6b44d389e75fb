/**
 * Every loss of the registry: against PyTorch by the cases, or against a formula in float64 where PyTorch has no such
 * loss. Values and gradients, of the function and of the layer; one with neither fails here.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { grad, realize, type Tensor, useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { fastDevices } from "../support/devices.js";
import { type FormulaCase, formulas } from "./losses.formulas.js";
import {
  type Check,
  expectAllClose,
  expectClose,
  type LossCase,
  type LossReference,
  readReference,
  toTensor,
  type Values,
} from "./references.js";

const cases = readReference<LossCase[]>("losses.cases.json");
const references = readReference<LossReference[]>("losses.reference.json");
const entries = [...nn.losses.entries, ...nn.distances.entries];
const entryOf = (name: string) => entries.find((entry) => entry.name === name)!;

describe("the cases", () => {
  const known = new Set([...cases, ...formulas].map(({ loss }) => loss));

  it.each(entries)("include $name", ({ name }) => {
    expect(known).toContain(name);
    expect(nn.functional).toHaveProperty(name);
  });

  it("have up-to-date references", () => {
    expect(references.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
  });
});

/** The f32 values that PyTorch was given: nine digits identify them. */
const exact = ({ shape, data }: Values): Values => ({ shape, data: data.map(Math.fround) });

/** What a case computes: the loss, its gradients, and the loss of the layer, if there is one. */
interface Computed {
  readonly loss: Tensor;
  readonly gradients: readonly Tensor[];
  readonly layer: Tensor | undefined;
}

function compute(given: LossCase, reference: LossReference, dtype: "f32" | "f64"): Computed {
  const isTensor = ([, value]: [string, unknown]) => typeof value === "object" && value !== null;
  const plain = Object.entries(given.options ?? {}).filter((one) => !isTensor(one));
  const tensors = Object.entries(reference.options).map(([name, values]) => [name, toTensor(exact(values), { dtype })]);
  const infinite = plain.map(([name, value]) => [name, value === "Infinity" ? Number.POSITIVE_INFINITY : value]);
  const options = { ...Object.fromEntries(infinite), ...Object.fromEntries(tensors) };
  const inputs = reference.inputs.map((values, i) => {
    const spec = given.inputs[i] as { readonly classes?: number; readonly whole?: boolean };
    return toTensor(exact(values), { dtype: spec.classes !== undefined || spec.whole ? "i32" : dtype });
  });
  const first = given.logSoftmax === undefined ? inputs[0] : inputs[0].logSoftmax(given.logSoftmax);
  const entry = entryOf(given.loss);
  const loss = entry.make(options)(first, ...inputs.slice(1));
  const wanted = (given.gradients ?? [0]).map((i) => inputs[i]);
  const layer = entry.layer && new entry.layer(options);
  return { loss, gradients: grad(loss.sum(), wanted), layer: layer?.(first, ...inputs.slice(1)) };
}

/** Compares with a reference of nine digits. */
async function expectReference({ loss, gradients, layer }: Computed, reference: LossReference, relative: number) {
  const checks: Check[] = [
    [loss, reference.loss, "loss"],
    ...gradients.map((gradient, i): Check => [gradient, reference.gradients[i], `gradient ${i}`]),
  ];
  if (layer) checks.push([layer, reference.loss, "loss of the layer"]);
  await expectAllClose(checks, relative);
}

describe("in float64", () => {
  beforeAll(() => useDevice("interp"));

  it.each(cases.map((one, i) => ({ name: one.name, one, reference: references[i] })))(
    "$name",
    async ({ one, reference }) => {
      const computed = compute(one, reference, "f64");
      await realize(...Object.values(computed).flatMap((x) => x ?? []));
      await expectReference(computed, reference, 1e-8);
    },
  );
});

/** On other devices a few cases in one program: the operations that losses are made of have sweeps of their own. */
const FAST = [
  "crossEntropy, weights, ignored, smoothed, mean",
  "binaryCrossEntropyWithLogits, mean",
  "ctcLoss, repeated labels, mean",
];

describe.each(fastDevices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("some agree", async () => {
    const chosen = cases.flatMap((one, i) => (FAST.includes(one.name) ? [{ one, reference: references[i] }] : []));
    expect(chosen).toHaveLength(FAST.length);
    const computed = chosen.map(({ one, reference }) => compute(one, reference, "f32"));
    await realize(...computed.flatMap(({ loss, gradients }) => [loss, ...gradients]));
    for (const [i, { reference }] of chosen.entries()) await expectReference(computed[i], reference, 2e-6);
  });
});

describe("by formula", () => {
  beforeAll(() => useDevice("interp"));

  it.each(formulas)(
    "$name",
    async ({ loss, options, tensors: held = {}, inputs, gradients = [0], formula, divisor }) => {
      const tensors = inputs.map((input) => toTensor(input, { dtype: input.whole ? "i32" : "f64" }));
      const ofOptions = Object.entries(held).map(([name, values]) => [name, toTensor(values, { dtype: "f64" })]);
      const given = { ...options, ...Object.fromEntries(ofOptions) };
      const make = (reduction: "none" | "sum" | "mean") => entryOf(loss).make({ ...given, reduction })(...tensors);
      const [none, sum, mean] = [make("none"), make("sum"), make("mean")];
      const found = grad(
        sum,
        gradients.map((i) => tensors[i]),
      );
      await realize(none, sum, mean, ...found);
      const losses = formula(...inputs.map(({ data }) => data));
      const total = losses.reduce((a, b) => a + b, 0);
      await expectClose(none, { shape: none.shape, data: losses }, "losses", 1e-12);
      await expectClose(sum, { shape: [], data: [total] }, "sum", 1e-12);
      await expectClose(mean, { shape: [], data: [total / (divisor ?? losses.length)] }, "mean", 1e-12);
      for (const [i, gradient] of found.entries()) {
        const data = differences(formula, inputs, gradients[i]);
        await expectClose(gradient, { shape: inputs[gradients[i]].shape, data }, `gradient ${gradients[i]}`, 1e-8);
      }
    },
  );
});

/** Central differences of the sum of the losses with respect to one input. */
function differences(formula: FormulaCase["formula"], inputs: FormulaCase["inputs"], which: number): number[] {
  const step = 1e-5;
  const at = (place: number, by: number): number => {
    const moved = inputs.map(({ data }, i) => (i === which ? data.map((x, k) => (k === place ? x + by : x)) : data));
    return formula(...moved).reduce((a, b) => a + b, 0);
  };
  return inputs[which].data.map((_, place) => (at(place, step) - at(place, -step)) / (2 * step));
}

describe("layers", () => {
  const layers = entries.flatMap(({ name, layer }) => (layer ? [{ name, layer }] : []));

  it("of all losses are exported by their names", () => {
    for (const { layer } of layers) expect(nn).toHaveProperty(layer.name, layer);
  });

  it("show their options, and hold tensors among them as buffers with PyTorch's keys", () => {
    const layer = new nn.BCEWithLogitsLoss({ reduction: "sum", posWeight: toTensor({ shape: [2], data: [1, 2] }) });
    expect(String(layer)).toBe('BCEWithLogitsLoss(reduction="sum")');
    expect(Object.keys(layer.stateDict())).toEqual(["pos_weight"]);
    expect(layer.reduction).toBe("sum");
    expect(layer.parameters()).toEqual([]);
  });
});
