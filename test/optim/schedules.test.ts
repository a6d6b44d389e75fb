/**
 * Every registered schedule against PyTorch's schedulers, and their values beyond the last step. The schedules are found in
 * the registry, so one without a case fails here.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as optim from "../../src/optim/index.js";

interface Reference {
  readonly schedule: string;
  readonly args: readonly unknown[];
  readonly rates: readonly number[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const references: readonly Reference[] = read("schedules.reference.json");
const cases: readonly Omit<Reference, "rates">[] = read("schedules.cases.json");
const exported: Readonly<Record<string, unknown>> = { ...optim };

describe("the cases", () => {
  it.each(optim.schedules.names)("include %s", (name) => {
    expect(cases.map(({ schedule }) => schedule)).toContain(name);
  });

  it("have up-to-date references", () => {
    expect(references.map(({ schedule, args }) => ({ schedule, args }))).toEqual(cases);
  });
});

it.each(optim.schedules.entries)("$name is registered as it is exported", ({ name, make, schema }) => {
  expect(make).toBe(exported[name]);
  expect(Object.keys(schema)).toContain("value");
});

describe.each(references)("$schedule($args)", ({ schedule, args, rates }) => {
  const make = exported[schedule] as (...args: unknown[]) => optim.Schedule;

  it("has PyTorch's rates", () => {
    const lr = make(...args);
    for (const [step, rate] of rates.entries()) expect(lr(step), `step ${step}`).toBeCloseTo(rate, 12);
  });

  it("is a pure function of the step", () => {
    const lr = make(...args);
    const forwards = rates.map((_, step) => lr(step));
    const backwards = rates.map((_, step) => lr(rates.length - 1 - step)).reverse();
    expect(backwards).toEqual(forwards);
  });
});

describe("cosine", () => {
  it("stays at the minimum after the last step", () => {
    const lr = optim.cosine(0.1, 10, { min: 0.01 });
    expect([lr(10), lr(11), lr(1000)]).toEqual([0.01, 0.01, 0.01]);
  });

  it("reaches the largest rate in the last step of the warm-up", () => {
    const lr = optim.cosine(0.1, 10, { warmupSteps: 3 });
    expect([lr(0), lr(1), lr(2), lr(3)].map((rate) => rate.toFixed(6))).toEqual([
      "0.033333",
      "0.066667",
      "0.100000",
      "0.100000",
    ]);
  });
});
