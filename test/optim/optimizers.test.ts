/**
 * Every exported optimizer over twenty steps on two problems, against PyTorch where it has the optimizer, else against
 * the formula of the paper in float64; and what all optimizers share. The optimizers are found among the exports, so
 * one without a case fails here.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as optim from "../../src/optim/index.js";
import { compile, Parameter, programCount, type Tensor, tensor, Variable } from "../../src/tensor/index.js";
import { fastDevices } from "../support/devices.js";
import { formulas } from "./formulas.js";
import {
  type Case,
  cases,
  errorOf,
  type Float,
  floats,
  gradientsOf,
  type Problem,
  problems,
  reference,
  STEPS,
  setGradients,
  start,
  startParameters,
  stepper,
  type Values,
} from "./problems.js";

const exported: Readonly<Record<string, unknown>> = { ...optim };
const optimizers = Object.entries(exported).flatMap(([name, value]) =>
  typeof value === "function" && value.prototype instanceof optim.Optimizer ? [name] : [],
);
/** The first case of each optimizer, for what is the same for all options. */
const firstCases = optimizers.map((name) => cases.find(({ optimizer }) => optimizer === name) as Case);
const title = ({ optimizer, name }: { optimizer: string; name: string }) => `${optimizer} ${name}`;

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

/** The parameters after the stored steps: PyTorch's, else those of the formula. */
function expectedOf(row: Case, problem: Problem): readonly Values[] {
  const known = reference.cases.find((each) => title(each) === title(row));
  if (known) return known[problem];
  const step = formulas[row.optimizer](row.options, row.shapes ?? reference.shapes);
  const trajectory: Values[] = [];
  for (let i = 0, values = start; i < STEPS; i++) {
    values = step(values, (at) => gradientsOf(problem, i, at));
    trajectory.push(values);
  }
  return reference.stored.map((count) => trajectory[count - 1]);
}

/** The largest error of a trajectory. */
async function follow(row: Case, problem: Problem, dtype: Float) {
  const parameters = startParameters(row, dtype);
  const optimizer = make(row, parameters);
  const expected = expectedOf(row, problem);
  const take = stepper(optimizer, problem, parameters);
  let largest = 0;
  for (let step = 0; step < STEPS; step++) {
    await take(step);
    const found = await readAll(parameters);
    const stored = reference.stored.indexOf(step + 1);
    if (stored < 0) continue;
    for (const i of parameters.keys()) largest = Math.max(largest, errorOf(found[i], expected[stored][i]));
  }
  return { largest, optimizer };
}

/** Takes steps as training does, each as one program. Eagerly, what is read in between shapes programs and last bits. */
async function run(optimizer: optim.Optimizer, parameters: readonly Parameter[], from: number, to: number) {
  const update = compile((gradients: readonly (Tensor | null)[]) => {
    const evaluate = () => {
      for (const [i, parameter] of parameters.entries()) parameter.grad = gradients[i];
    };
    optimizer.step(evaluate);
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

  it("have up-to-date references, or a formula", () => {
    const known = cases.filter(({ optimizer }) => !(optimizer in formulas));
    expect(reference.cases.map(title)).toEqual(known.map(title));
  });

  it("have names that tell them apart", () => {
    expect(new Set(cases.map(title)).size).toBe(cases.length);
  });
});

describe.each(cases.map((row) => ({ row, title: title(row) })))("$title", ({ row }) => {
  beforeAll(() => useDevice("interp"));

  it.each(problems)("takes twenty steps on the problem %s", async (problem) => {
    const { largest, optimizer } = await follow(row, problem, "f64");
    // Values that all parameters share, such as the norm of all gradients, are f32.
    expect(largest).toBeLessThan(row.before ? 3e-8 : 1e-10);
    const known = reference.cases.find((each) => title(each) === title(row));
    if (!known || problem === "network") return;
    const state = optimizer.stateDict();
    for (const [key, values] of Object.entries(known.state)) {
      expect(errorOf(await state[key].data(), values), key).toBeLessThan(row.before ? 3e-8 : 1e-10);
    }
  });

  it("has names that tell its cells apart", () => {
    const names = Object.values(make(row, startParameters(row)).stateDict()).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe.each(firstCases)("$optimizer", (row) => {
  beforeAll(() => useDevice("interp"));

  it("takes the same steps compiled, whatever the learning rate", async () => {
    const train = async (wrap: (step: () => void) => () => unknown) => {
      const [parameter] = startParameters(row, "f64");
      const optimizer = make({ ...row, groups: undefined }, [parameter]);
      const step = wrap(() => {
        optimizer.step(() => {
          parameter.grad = parameter.mul(2).sub(1);
        });
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
    expect(errorOf(await train((step) => compile(step)), await train((step) => step))).toBeLessThan(1e-12);
  });
});

describe.each(fastDevices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  // Twenty f32 steps: the errors of each (about 1e-7 of values near 1) add up.
  it.each(firstCases)("$optimizer takes the steps in f32", async (row) => {
    expect((await follow(row, "noise", "f32")).largest).toBeLessThan(4e-6);
  });
});

describe.each([...firstCases, ...cases.filter(({ groups, before }) => groups ?? before)])(
  "$optimizer, $name",
  (row) => {
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
  },
);

describe("every optimizer", () => {
  beforeAll(() => useDevice("interp"));

  it("keeps parameters without a gradient and forgets gradients on demand", async () => {
    const parameters = startParameters();
    const optimizer = new optim.SGD(parameters, { lr: 1 });
    setGradients("noise", parameters, 0);
    optimizer.zeroGrad();
    expect(parameters.map(({ grad }) => grad)).toEqual([null, null]);
    optimizer.step();
    expect(errorOf(await parameters[0].data(), reference.start[0])).toBeLessThan(1e-7);
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
