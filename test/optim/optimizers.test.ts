/**
 * Every exported optimizer against PyTorch over ten steps, in two of which a parameter has no gradient, and what all
 * optimizers share. The optimizers are found among the exports, so one without a case fails here.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as optim from "../../src/optim/index.js";
import { compile, Parameter, programCount, type Tensor, tensor, Variable } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";

interface Case {
  readonly name: string;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of the parameters, where they are not those of the reference: the same values in other rows. */
  readonly shapes?: readonly number[][];
  /** One group of settings per parameter, instead of one group of all. */
  readonly groups?: readonly Readonly<Record<string, unknown>>[];
  /** Steps in front of the optimizer's own. */
  readonly before?: readonly (readonly [step: string, value: number])[];
}

interface Reference {
  readonly shapes: readonly number[][];
  readonly start: readonly number[][];
  /** By step and parameter; null where the parameter has no gradient. */
  readonly gradients: readonly (readonly (readonly number[] | null)[])[];
  readonly cases: readonly {
    readonly name: string;
    readonly optimizer: string;
    readonly trajectory: readonly number[][][];
    readonly state: Readonly<Record<string, readonly number[]>>;
  }[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const cases: readonly Case[] = read("optimizers.cases.json");
const reference: Reference = read("optimizers.reference.json");
const exported: Readonly<Record<string, unknown>> = { ...optim };
const optimizers = Object.entries(exported).flatMap(([name, value]) =>
  typeof value === "function" && value.prototype instanceof optim.Optimizer ? [name] : [],
);

const floats = (values: readonly number[], shape: readonly number[]) => tensor(Float32Array.from(values), { shape });
const startParameters = ({ shapes = reference.shapes }: Partial<Case> = {}) =>
  reference.start.map((values, i) => new Parameter(floats(values, shapes[i])));

interface Class {
  new (params: unknown, options: unknown): optim.Optimizer;
  chain(options: unknown): optim.Chain;
}

function make({ optimizer, options, groups, before }: Case, parameters: readonly Parameter[]): optim.Optimizer {
  const Optimizer = exported[optimizer] as Class;
  if (before) {
    const steps = before.map(([name, value]) => (exported[name] as (value: number) => optim.ChainStep)(value));
    return new optim.Optimizer(parameters, optim.chain(...steps, Optimizer.chain(options)));
  }
  const params = groups ? groups.map((group, i) => ({ ...group, params: [parameters[i]] })) : parameters;
  return new Optimizer(params, options);
}

function setGradients(parameters: readonly Parameter[], step: number): void {
  for (const [i, parameter] of parameters.entries()) {
    const values = reference.gradients[step][i];
    parameter.grad = values && floats(values, parameter.shape);
  }
}

/** Ten f32 steps: the errors of each (about 1e-7 of values near 1) add up. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(actual[i] - value) / Math.max(1, Math.abs(value)), `${what}[${i}]`).toBeLessThan(2e-6);
  }
}

/** Takes steps as training does, each as one program. Eagerly, what is read in between shapes programs and last bits. */
async function run(optimizer: optim.Optimizer, parameters: readonly Parameter[], from: number, to: number) {
  const update = compile((gradients: readonly (Tensor | null)[]) => {
    for (const [i, parameter] of parameters.entries()) parameter.grad = gradients[i];
    optimizer.step();
  });
  for (let step = from; step < to; step++) {
    const values = reference.gradients[step];
    await update(parameters.map(({ shape }, i) => values[i] && floats(values[i], shape)));
  }
}

const readAll = (cells: readonly Variable[]) => Promise.all(cells.map((cell) => cell.data()));

async function save(optimizer: optim.Optimizer) {
  const entries = Object.entries(optimizer.stateDict()).map(async ([key, cell]) => {
    return [key, { shape: cell.shape, data: await cell.data() }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

describe("the cases", () => {
  it.each(optimizers)("include %s", (name) => {
    expect(cases.map(({ optimizer }) => optimizer)).toContain(name);
  });

  it("have up-to-date references", () => {
    const title = ({ optimizer, name }: { optimizer: string; name: string }) => `${optimizer} ${name}`;
    expect(reference.cases.map(title)).toEqual(cases.map(title));
  });
});

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  describe.each(cases.map((row, i) => ({ row, expected: reference.cases[i] })))(
    "$row.optimizer, $row.name",
    ({ row, expected }) => {
      it("takes PyTorch's ten steps", async () => {
        const parameters = startParameters(row);
        const optimizer = make(row, parameters);
        for (const [step, values] of expected.trajectory.entries()) {
          setGradients(parameters, step);
          optimizer.step();
          const found = await readAll(parameters);
          for (const i of parameters.keys()) expectClose(found[i], values[i], `parameter ${i} after step ${step}`);
        }
        const state = optimizer.stateDict();
        for (const [key, values] of Object.entries(expected.state)) expectClose(await state[key].data(), values, key);
      });

      it("takes the same steps compiled, whatever the learning rate", async () => {
        const train = async (wrap: (step: () => void) => () => unknown) => {
          const [parameter] = startParameters(row);
          const optimizer = make({ ...row, groups: undefined }, [parameter]);
          const step = wrap(() => {
            parameter.grad = parameter.mul(2).sub(1);
            optimizer.step();
            optimizer.zeroGrad();
          });
          const programs: number[] = [];
          for (const factor of [1, 1, 0.5, 0.25]) {
            optimizer.lr *= factor;
            await step();
            programs.push(programCount());
          }
          expect(programs.slice(1)).toEqual([programs[0], programs[0], programs[0]]);
          return [...(await parameter.data())];
        };
        expectClose(await train((step) => compile(step)), await train((step) => step), "parameter");
      });
    },
  );
});

describe.each(cases)("$optimizer, $name", (row) => {
  it("goes on from a saved state, bit for bit, as if it had never stopped", async () => {
    await useDevice("wasm"); // the reference device holds more digits than a saved state
    const parameters = startParameters(row);
    const optimizer = make(row, parameters);
    await run(optimizer, parameters, 0, 3);
    const values = await readAll(parameters);
    const state = await save(optimizer);
    await run(optimizer, parameters, 3, 6);

    const resumedParameters = values.map((data, i) => new Parameter(tensor(data, { shape: parameters[i].shape })));
    const resumed = make({ ...row, options: { ...row.options, lr: 7 } }, resumedParameters);
    resumed.loadStateDict(state);
    await run(resumed, resumedParameters, 3, 6);
    expect(await readAll(resumedParameters)).toEqual(await readAll(parameters));
    expect(await save(resumed)).toEqual(await save(optimizer));
    expect(resumed.lr).toBe(optimizer.lr);
  });

  it("has names that tell its cells apart", () => {
    const names = Object.values(make(row, startParameters(row)).stateDict()).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("every optimizer", () => {
  beforeAll(() => useDevice("interp"));

  it("keeps parameters without a gradient and forgets gradients on demand", async () => {
    const parameters = startParameters();
    const optimizer = new optim.SGD(parameters, { lr: 1 });
    setGradients(parameters, 0);
    optimizer.zeroGrad();
    expect(parameters.map(({ grad }) => grad)).toEqual([null, null]);
    optimizer.step();
    expectClose(await parameters[0].data(), reference.start[0], "parameter");
  });

  it("has a learning rate that can be set, and read back as it was set", async () => {
    const parameter = new Parameter(tensor([1], { dtype: "f32" }));
    const optimizer = new optim.SGD([parameter], { lr: 0.5 });
    optimizer.lr = 0.1;
    expect(optimizer.lr).toBe(0.1);
    parameter.grad = tensor([1], { dtype: "f32" });
    optimizer.step();
    expect(await parameter.item()).toBeCloseTo(0.9, 6);
    const other = new optim.SGD([parameter], { lr: 0.1234567890123 });
    optimizer.loadStateDict(await save(other));
    expect(optimizer.lr).toBe(0.1234567890123);
  });

  it("takes Variables and leaves frozen parameters alone", async () => {
    const free = new Variable(tensor([1], { dtype: "f32" }), { requiresGrad: true });
    const frozen = new Variable(tensor([1], { dtype: "f32" }));
    const optimizer = new optim.AdamW([free, frozen], { lr: 0.5, weightDecay: 0 });
    free.mul(frozen).sum().backward();
    optimizer.step();
    expect(await free.item()).toBeCloseTo(0.5, 6); // Adam's first step is the learning rate
    expect(await frozen.item()).toBe(1);
  });

  it("corrects the bias of the first step to 6 digits for every β", async () => {
    for (const beta of [0, 0.5, 0.9, 0.99, 0.999, 0.9999]) {
      const parameter = new Parameter(tensor([0], { dtype: "f32" }));
      const optimizer = new optim.Adam([parameter], { lr: 1, betas: [0.9, beta], eps: 0 });
      parameter.grad = tensor([3], { dtype: "f32" });
      optimizer.step();
      expect(Math.abs((await parameter.item()) + 1), `β₂ = ${beta}`).toBeLessThan(2e-6);
    }
  });
});
