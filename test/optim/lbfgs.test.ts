/** L-BFGS against PyTorch's: losses, parameters and numbers of evaluations over twenty steps on two problems. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { LBFGS, type LBFGSOptions } from "../../src/optim/index.js";
import { compile, Parameter, type Tensor, tensor } from "../../src/tensor/index.js";
import { errorOf, type Float, networkLoss, startParameters } from "./problems.js";

/** Number of steps after which the parameters are stored. */
const STORED = 8;

interface Found {
  readonly losses: readonly number[];
  readonly evaluations: number;
  readonly parameters: readonly number[][];
}
interface Row {
  readonly options: LBFGSOptions;
  readonly network: Found;
  readonly rosenbrock: Found;
}
const rows: readonly Row[] = JSON.parse(readFileSync(new URL("lbfgs.reference.json", import.meta.url), "utf8"));

/** A narrow curved valley. */
function rosenbrock(parameters: readonly Tensor[]): Tensor {
  const losses = parameters.map((parameter) => {
    const p = parameter.flatten();
    const [a, b] = [p.slice(0, 0, p.size - 1), p.slice(0, 1, p.size)];
    return b.sub(a.square()).square().mul(100).add(a.neg().add(1).square()).sum();
  });
  return losses.reduce((sum, loss) => sum.add(loss));
}
const problems = { network: networkLoss, rosenbrock } as const;

function make(options: LBFGSOptions, problem: keyof typeof problems, dtype: Float = "f64") {
  const parameters = startParameters({}, dtype);
  const optimizer = new LBFGS(parameters, options);
  const closure = () => {
    const loss = problems[problem](parameters);
    loss.backward();
    return loss;
  };
  return { parameters, optimizer, step: () => optimizer.step(closure) };
}
const readAll = (parameters: readonly Parameter[]) => Promise.all(parameters.map((p) => p.data()));

describe.each(rows)("$options", (row) => {
  beforeAll(() => useDevice("interp"));

  it.each(["network", "rosenbrock"] as const)("takes PyTorch's steps on the problem %s", async (problem) => {
    const { parameters, optimizer, step } = make(row.options, problem);
    const expected = row[problem];
    const [first] = expected.losses;
    for (const [i, loss] of expected.losses.entries()) {
      // Each step divides small differences by small differences, so that errors of rounding grow by a factor.
      expect(Math.abs((await step()) - loss), `loss ${i}`).toBeLessThan(1e-10 * first * 2.5 ** i);
      if (i + 1 !== STORED) continue;
      const found = await readAll(parameters);
      for (const [j, values] of expected.parameters.entries()) expect(errorOf(found[j], values)).toBeLessThan(1e-8);
    }
    expect(optimizer.evaluations).toBe(expected.evaluations);
  });

  it("resumes from a saved state, bit for bit", async () => {
    const first = make(row.options, "network");
    for (let i = 0; i < 3; i++) await first.step();
    const second = make({ ...row.options, lr: 7 }, "network");
    for (const [i, values] of (await readAll(first.parameters)).entries()) second.parameters[i].load(values);
    const entries = Object.entries(first.optimizer.stateDict()).map(async ([key, cell]) => [key, await cell.data()]);
    second.optimizer.loadStateDict(Object.fromEntries(await Promise.all(entries)));
    for (const { step } of [first, second]) for (let i = 0; i < 3; i++) await step();
    expect(await readAll(second.parameters)).toEqual(await readAll(first.parameters));
    expect(second.optimizer.evaluations).toBe(first.optimizer.evaluations);
    expect(second.optimizer.lr).toBe(first.optimizer.lr);
  });
});

it("minimises in f32, by programs of which each is compiled once", async () => {
  await useDevice("wasm");
  const { step } = make({ lineSearch: "strongWolfe", maxIter: 40 }, "rosenbrock", "f32");
  for (let i = 0; i < 3; i++) await step();
  expect(await step()).toBeLessThan(1e-5);
});

describe("refuses", () => {
  beforeAll(() => useDevice("interp"));
  const weight: Parameter = new Parameter(tensor([1, 2]));

  it("compiled functions, since it reads losses", async () => {
    const optimizer = new LBFGS([weight]);
    let failure: Promise<unknown> = Promise.resolve();
    const step = compile(() => {
      failure = optimizer.step(() => weight.sum());
      failure.catch(() => undefined);
      return weight.sum();
    });
    await step();
    await expect(failure).rejects.toThrow("[LBFGS] step was called inside a compiled function, but it reads losses");
  });

  const wrong: readonly [closure: () => unknown, got: string][] = [
    [async () => weight.sum(), "a promise"],
    [() => undefined, "undefined"],
    [() => weight, "a Parameter"],
  ];
  it.each(wrong)("closures that return no loss: %#", async (closure, got) => {
    const step = new LBFGS([weight]).step(closure as never);
    await expect(step).rejects.toThrow(`[LBFGS] the closure must return a scalar tensor, got ${got}`);
  });
});
