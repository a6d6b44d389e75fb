/**
 * What every step of a chain must do, whatever it computes: compiled it takes the steps that it takes eagerly, each of its
 * hyper-parameters has an effect and needs no new program, and it goes on from a saved state. The steps are found in the
 * registry, so one without a case fails here. What they compute is compared with PyTorch in optimizers.test.ts.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Optimizer, steps } from "../../src/optim/index.js";
import { compile, Generator, Parameter, programCount, realize, type Tensor } from "../../src/tensor/index.js";

interface Case {
  readonly step: string;
  readonly args: readonly unknown[];
  /** Another value of every hyper-parameter. */
  readonly set?: Readonly<Record<string, number>>;
  /** The step before which they are set. Default 1. */
  readonly from?: number;
  /** Number of steps, for those that change after a while. Default 4. */
  readonly steps?: number;
}

const cases: readonly Case[] = JSON.parse(readFileSync(new URL("steps.cases.json", import.meta.url), "utf8"));

function made({ step, args }: Case) {
  const make = steps.get(step).make as (...args: readonly unknown[]) => ConstructorParameters<typeof Optimizer>[1];
  const draw = new Generator(3, { stream: "parameters" });
  const parameters = [
    [3, 2],
    [2, 4],
  ].map((shape) => new Parameter(draw.normal(shape)));
  const optimizer = new Optimizer(parameters, make(...args));
  const update = (...gradients: Tensor[]) => {
    // Gradients depend on the parameters, so that it matters where they are computed.
    optimizer.step(() => {
      for (const [i, parameter] of parameters.entries()) parameter.grad = gradients[i].add(parameter);
    });
    optimizer.zeroGrad();
  };
  return { parameters, optimizer, update };
}

const gradients = (step: number) => {
  const draw = new Generator(step, { stream: "gradients" });
  return [draw.normal([3, 2]), draw.normal([2, 4])];
};
const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map(async (x) => Array.from(await x.data())));

describe("the cases", () => {
  it.each(steps.names)("include %s", (name) => {
    expect(cases.map(({ step }) => step)).toContain(name);
  });
});

describe.each(cases)("$step($args)", (row) => {
  const hypers = Object.keys(made(row).optimizer.hypers);

  describe("on the reference device", () => {
    beforeAll(() => useDevice("interp"));

    it("takes the same steps compiled", async () => {
      const run = async (wrap: (update: (...g: Tensor[]) => void) => (...g: Tensor[]) => unknown) => {
        const { parameters, update } = made(row);
        const step = wrap(update);
        for (let i = 0; i < 4; i++) await step(...gradients(i));
        return (await read(parameters)).flat();
      };
      const [eager, compiled] = [await run((update) => update), await run((update) => compile(update))];
      for (const [i, value] of eager.entries()) {
        expect(Math.abs(compiled[i] - value) / Math.max(1, Math.abs(value))).toBeLessThan(2e-6);
      }
    });

    it.runIf(row.set)("has hyper-parameters that can be set without a new program, each with an effect", async () => {
      expect(Object.keys(row.set ?? {}).sort()).toEqual([...hypers].sort());
      const run = async (changed: string | undefined) => {
        const { parameters, optimizer, update } = made(row);
        const step = compile(update);
        const counts: number[] = [];
        const all = Array.from({ length: row.steps ?? 4 }, (_, i) => gradients(i));
        await realize(...all.flat());
        for (const [i, given] of all.entries()) {
          if (i === (row.from ?? 1) && changed) optimizer.set({ [changed]: row.set?.[changed] ?? 0 });
          await step(...given);
          if (i > 0) counts.push(programCount());
        }
        expect(new Set(counts).size).toBe(1);
        optimizer.eval();
        return read(parameters);
      };
      const plain = await run(undefined);
      for (const name of hypers) expect(await run(name), name).not.toEqual(plain);
    });
  });

  const isFirst = cases.find(({ step }) => step === row.step) === row;
  const hasState = Object.keys(made(row).optimizer.stateDict()).some((key) => /^(state|shared)\./.test(key));
  it.runIf(isFirst && hasState)("goes on from a saved state, bit for bit", async () => {
    await useDevice("wasm"); // the reference device holds more digits than a saved state
    const first = made(row);
    const step = compile(first.update);
    for (let i = 0; i < 3; i++) await step(...gradients(i));
    const second = made(row);
    for (const [i, parameter] of first.parameters.entries()) second.parameters[i].load(await parameter.data());
    const saved = Object.entries(first.optimizer.stateDict()).map(async ([key, cell]) => [key, await cell.data()]);
    second.optimizer.loadStateDict(Object.fromEntries(await Promise.all(saved)));
    const other = compile(second.update);
    for (let i = 3; i < 5; i++) for (const each of [step, other]) await each(...gradients(i));
    expect(await read(second.parameters)).toEqual(await read(first.parameters));
    expect(await read(Object.values(second.optimizer.stateDict()))).toEqual(
      await read(Object.values(first.optimizer.stateDict())),
    );
  });
});
