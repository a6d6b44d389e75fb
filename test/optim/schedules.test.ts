/**
 * Every registered schedule against PyTorch's schedulers or its formula, and values beyond the last step. The schedules
 * are found in the registry, so one without a case fails here.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as optim from "../../src/optim/index.js";
import { Parameter, tensor } from "../../src/tensor/index.js";

interface Reference {
  readonly schedule: string;
  /** Arguments; `["$schedule", name, …args]` stands for a schedule. */
  readonly args: readonly unknown[];
  /** PyTorch's rates; absent where PyTorch has no such scheduler. */
  readonly rates?: readonly number[];
}

interface PlateauReference {
  readonly options: optim.PlateauOptions;
  readonly metrics: readonly number[];
  readonly rates: readonly number[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const references: readonly Reference[] = read("schedules.reference.json");
const plateaus: readonly PlateauReference[] = read("plateau.reference.json");
const cases: readonly Omit<Reference, "rates">[] = read("schedules.cases.json");
const exported: Readonly<Record<string, unknown>> = { ...optim };

describe("the cases", () => {
  it.each(optim.schedules.names)("include %s", (name) => {
    expect(cases.map(({ schedule }) => schedule)).toContain(name);
  });

  it("have up-to-date references", () => {
    expect(references.map(({ schedule, args }) => ({ schedule, args }))).toEqual(cases);
  });

  it("have PyTorch's rates, or a formula", () => {
    const without = references.flatMap(({ schedule, rates }) => (rates ? [] : [schedule]));
    expect([...new Set(without)].sort()).toEqual(Object.keys(formulas).sort());
  });
});

it.each(optim.schedules.entries)("$name is registered as it is exported", ({ name, make, schema }) => {
  expect(make).toBe(exported[name]);
  expect(Object.keys(schema).length).toBeGreaterThan(0);
});

/** An argument as the function takes it. */
function made(arg: unknown): unknown {
  if (!Array.isArray(arg)) return arg;
  const [mark, name, ...args] = arg;
  if (mark !== "$schedule") return arg.map(made);
  return (exported[name] as (...args: unknown[]) => optim.Schedule)(...args.map(made));
}

/** What PyTorch has no scheduler for, as the formula of the docs, for the arguments of the cases. */
const formulas: Readonly<Record<string, (...args: never[]) => (step: number) => number>> = {
  inverseSqrt: (value: number, warmup: number) => (t) =>
    t + 1 < warmup ? (value * (t + 1)) / warmup : (value * Math.sqrt(warmup)) / Math.sqrt(t + 1),
  piecewise:
    (points: [number, number][], { interpolate }: { interpolate?: string } = {}) =>
    (t) => {
      for (const [i, [at, value]] of points.entries()) {
        const [before, last] = points[i - 1] ?? [at, value];
        if (t < at) return t < before || interpolate ? last : last + ((value - last) / (at - before)) * (t - before);
      }
      return points[points.length - 1][1];
    },
  trapezoid:
    (value: number, total: number, options: Readonly<Record<string, number | string>> = {}) =>
    (t) => {
      const { warmupSteps = 0, decaySteps = Math.round(total / 5), min = 0, decay } = options;
      const left = Math.max(0, total - t) / Number(decaySteps);
      const share = decay === "sqrt" ? 1 - Math.sqrt(1 - Math.min(1, left)) : Math.min(1, left);
      const falling = Number(min) + (value - Number(min)) * share;
      return Math.min(falling, t < Number(warmupSteps) ? (value * (t + 1)) / Number(warmupSteps) : value);
    },
};

describe.each(references)("$schedule($args)", ({ schedule, args, rates }) => {
  const make = exported[schedule] as (...args: unknown[]) => optim.Schedule;
  const given = args.map(made);

  it("has the rates of PyTorch, or of its formula", () => {
    const lr = make(...given);
    const expected = rates ?? Array.from({ length: 24 }, (_, step) => formulas[schedule](...(given as never[]))(step));
    for (const [step, rate] of expected.entries()) expect(lr(step), `step ${step}`).toBeCloseTo(rate, 12);
  });

  it("is a pure function of the step", () => {
    const lr = make(...given);
    const steps = Array.from({ length: 24 }, (_, step) => step);
    const forwards = steps.map((step) => lr(step));
    const backwards = steps.map((_, step) => lr(steps.length - 1 - step)).reverse();
    expect(backwards).toEqual(forwards);
  });
});

describe.each(plateaus)("Plateau(0.4, $options)", ({ options, metrics, rates }) => {
  it("has PyTorch's rates", () => {
    const plateau = new optim.Plateau(0.4, options);
    for (const [i, metric] of metrics.entries()) {
      const before = plateau.value;
      expect(plateau.observe(metric)).toBe(plateau.value !== before);
      expect(plateau.value, `after observation ${i}`).toBeCloseTo(rates[i], 12);
    }
    expect(new Set(rates).size).toBeGreaterThan(1);
  });

  it("goes on from a saved state", async () => {
    const [first, second] = [new optim.Plateau(0.4, options), new optim.Plateau(0.7, options)];
    for (const metric of metrics.slice(0, 5)) first.observe(metric);
    second.loadStateDict({ plateau: await first.stateDict().plateau.data() });
    expect(second.value).toBe(first.value);
    for (const metric of metrics.slice(5)) expect(second.observe(metric)).toBe(first.observe(metric));
    expect(await second.stateDict().plateau.data()).toEqual(await first.stateDict().plateau.data());
  });
});

it("Plateau gives an optimizer its value", async () => {
  await useDevice("interp");
  const plateau = new optim.Plateau(0.5, { patience: 0, factor: 0.5 });
  const parameter = new Parameter(tensor([1], { dtype: "f32" }));
  const optimizer = new optim.SGD([parameter], { lr: plateau.schedule });
  for (const metric of [1, 1, 1]) {
    parameter.grad = tensor([1], { dtype: "f32" });
    optimizer.step();
    plateau.observe(metric);
  }
  expect(await parameter.item()).toBeCloseTo(1 - 0.5 - 0.5 - 0.25, 6);
});

describe("cosine", () => {
  it("stays at the minimum after the last step", () => {
    const lr = optim.cosine(0.1, 10, { min: 0.01 });
    expect([lr(10), lr(11), lr(1000)]).toEqual([0.01, 0.01, 0.01]);
  });
});
