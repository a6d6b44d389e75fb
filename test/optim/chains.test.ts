/**
 * Chains and what all optimizers can do because they are chains: hyper-parameters as cells, schedules, partitions,
 * accumulation, clipping, state by name.
 */
import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { functional, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.js";
import * as optim from "../../src/optim/index.js";
import {
  compile,
  Generator,
  Parameter,
  programCount,
  realize,
  type Tensor,
  tensor,
  useDevice,
  Variable,
  zeros,
} from "../../src/tensor/index.js";
import { describeError } from "../../src/util/errors.js";
import { devices } from "../support/devices.js";

const {
  AdamW,
  accumulate,
  chain,
  clipByNorm,
  clipByValue,
  clipGradNorm,
  clipGradValue,
  decoupledDecay,
  LBFGS,
  Optimizer,
  partition,
  scaleByAdam,
  scaleByMomentum,
  scaleByRate,
  scaleBySchedule,
} = optim;

const parameter = (values: readonly number[], name = "p") => new Parameter(tensor(Float32Array.from(values)), { name });
const setGradient = (p: Parameter, values: readonly number[]) => {
  p.grad = tensor(Float32Array.from(values));
};
const readAll = (cells: readonly Tensor[]) => Promise.all(cells.map((cell) => cell.data().then((v) => Array.from(v))));
async function save(optimizer: optim.Optimizer) {
  const entries = Object.entries(optimizer.stateDict());
  return Object.fromEntries(await Promise.all(entries.map(async ([key, cell]) => [key, await cell.data()] as const)));
}
const failure = (program: () => unknown): string => {
  try {
    program();
  } catch (error) {
    return describeError(error);
  }
  return "nothing";
};
/** Relative to the largest value, so that what cancels is not asked for digits that it cannot have. */
function expectClose(found: readonly number[][], expected: readonly number[][], tolerance = 2e-6): void {
  for (const [i, row] of expected.entries()) {
    const scale = Math.max(...row.map(Math.abs), 1e-30);
    for (const [j, value] of row.entries()) expect(Math.abs(found[i][j] - value) / scale).toBeLessThan(tolerance);
  }
}

describe("hyper-parameters", () => {
  /** One training step of a small classifier, as a search compiles it: a model, an optimizer and a smoothing of its own. */
  async function trial(make: (model: Sequential) => optim.Optimizer, labelSmoothing: number) {
    manualSeed(3);
    const model = new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 3));
    const optimizer = make(model);
    const smoothing = new Variable(tensor(labelSmoothing), { name: "smoothing" });
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = functional.crossEntropy(model(x), y, { labelSmoothing: smoothing });
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss.detach();
    });
    const x = new Generator(5, { stream: "x" }).normal([12, 6]);
    const y = tensor(Int32Array.from({ length: 12 }, (_, i) => i % 3));
    await realize(x, y, ...model.parameters(), ...Object.values(optimizer.stateDict()), smoothing);
    const before = programCount();
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push(await (await step(x, y)).item());
    return { programs: programCount() - before, losses };
  }

  const twenty = Array.from({ length: 20 }, (_, i) => i);
  it.each<[string, (i: number) => (model: Sequential) => optim.Optimizer]>([
    [
      "SGD",
      (i) => (model) => {
        const options = { lr: 0.01 + 0.01 * i, momentum: 0.5 + 0.02 * i, weightDecay: i * 1e-3, nesterov: true };
        return new optim.SGD(model.parameters(), options);
      },
    ],
    [
      "AdamW",
      (i) => (model) =>
        new optim.AdamW(model.parameters(), {
          lr: i % 2 === 0 ? 1e-3 * (i + 1) : optim.cosine(1e-3 * (i + 1), 10),
          betas: [0.8 + 0.005 * i, 1 - 0.1 / (i + 2)],
          eps: 1e-8 * (i + 1),
          weightDecay: 0.01 * i,
        }),
    ],
  ])("of twenty %s optimizers and their smoothings need one program", async (_, make) => {
    await useDevice("native");
    const found: Awaited<ReturnType<typeof trial>>[] = [];
    for (const i of twenty) found.push(await trial(make(i), 0.02 * i));
    expect(found.map(({ programs }) => programs)).toEqual(twenty.map((i) => (i === 0 ? 1 : 0)));
    // They do differ: no two trials have the same losses.
    expect(new Set(found.map(({ losses }) => losses.join())).size).toBe(20);
  });

  it("are listed, set by name, and take part in the next step", async () => {
    await useDevice("interp");
    const p = parameter([2]);
    const optimizer = new optim.SGD([p], { lr: 0.5, momentum: 0.5, weightDecay: 0 });
    expect(optimizer.hypers).toEqual({ weightDecay: 0, momentum: 0.5, lr: 0.5 });
    setGradient(p, [1]);
    optimizer.step(); // b = 1, θ = 1.5
    optimizer.set({ momentum: 0.25, weightDecay: 2, lr: 0.1 });
    expect(optimizer.hypers).toEqual({ weightDecay: 2, momentum: 0.25, lr: 0.1 });
    optimizer.step(); // g = 1 + 2 · 1.5 = 4, b = 0.25 + 4
    expect(await p.item()).toBeCloseTo(1.5 - 0.425, 6);
  });

  it("are set all or not at all", () => {
    const optimizer = new optim.AdamW([parameter([1])], { lr: 0.1 });
    expect(failure(() => optimizer.set({ lr: 0.2, beta1: 1 }))).toBe(
      "[AdamW] beta1 must be a number ≥ 0 and < 1, got 1",
    );
    expect(optimizer.lr).toBe(0.1);
  });

  it("are not set inside a compiled function, which would keep the value", async () => {
    await useDevice("interp");
    const optimizer = new optim.SGD([parameter([1])], { lr: 0.1 });
    const step = compile(() => {
      optimizer.lr = 0.2;
      return tensor([1]);
    });
    await expect(step()).rejects.toThrow("[set] lr is set inside a compiled function, which would keep the value");
  });

  it("of all parts are set by their common name, of one by its path", () => {
    const [a, b] = [parameter([1], "a"), parameter([1], "b")];
    const groups = [{ params: [a] }, { params: [b], lr: 0.01, weightDecay: 0 }];
    const optimizer = new optim.SGD(groups, { lr: 0.1, weightDecay: 0.5 });
    expect(optimizer.hypers).toEqual({ "0.weightDecay": 0.5, "0.lr": 0.1, "1.weightDecay": 0, "1.lr": 0.01 });
    expect(optimizer.lr).toBe(0.1);
    optimizer.set({ "1.lr": 0.02, weightDecay: 0.25 });
    expect(optimizer.hypers).toEqual({ "0.weightDecay": 0.25, "0.lr": 0.1, "1.weightDecay": 0.25, "1.lr": 0.02 });
    optimizer.lr = 1;
    expect([optimizer.hypers["0.lr"], optimizer.hypers["1.lr"]]).toEqual([1, 1]);
  });

  it("come back from a saved state as they were written, to 14 digits", async () => {
    await useDevice("native");
    for (const lr of [0.1, 1e-8, 0.1234567890123, 3, 0, 1 / 3, 2 ** -40]) {
      const made = () => new optim.SGD([parameter([1])], { lr: 7 });
      const [first, second] = [made(), made()];
      first.lr = lr;
      second.loadStateDict(await save(first));
      expect(Math.abs(second.lr - lr)).toBeLessThanOrEqual(lr * 2e-15);
      if (lr !== 1 / 3) expect(second.lr).toBe(lr);
    }
  });
});

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  describe("schedules", () => {
    const rate = (t: number) => 0.5 / (t + 1);

    it("drive any hyper-parameter, eagerly and compiled, without a new program", async () => {
      const train = async (wrap: (step: () => void) => () => unknown) => {
        const p = parameter([1, -2]);
        const optimizer = new optim.SGD([p], { lr: rate, momentum: (t) => 0.1 * t, weightDecay: 0 });
        const step = wrap(() => {
          p.grad = p.mul(2).sub(1);
          optimizer.step();
          optimizer.zeroGrad();
        });
        const programs: number[] = [];
        const rates: number[] = [];
        for (let t = 0; t < 5; t++) {
          await step();
          programs.push(programCount());
          rates.push(optimizer.lr);
        }
        expect(rates).toEqual([0, 1, 2, 3, 4].map(rate));
        expect(optimizer.steps).toBe(5);
        return { values: await readAll([p]), programs };
      };
      const eager = await train((step) => step);
      const compiled = await train((step) => compile(step));
      expectClose(compiled.values, eager.values);
      expect(new Set(compiled.programs.slice(1)).size).toBe(1);
      // By hand: g = 2θ − 1, b ← μ·b + g, θ ← θ − η·b.
      let [theta, buffer] = [
        [1, -2],
        [0, 0],
      ];
      for (let t = 0; t < 5; t++) {
        buffer = buffer.map((b, i) => 0.1 * t * b + 2 * theta[i] - 1);
        theta = theta.map((x, i) => x - rate(t) * buffer[i]);
      }
      expectClose(eager.values, [theta]);
    });

    it("keep their order where calls are not awaited", async () => {
      const p = parameter([0]);
      const optimizer = new optim.SGD([p], { lr: (t) => 10 ** t });
      const step = compile(() => {
        p.grad = tensor([-1]).to("f32");
        optimizer.step();
        return p.add(0);
      });
      await step(); // 1
      const results = [step(), step(), step()];
      const found = await Promise.all(results.map(async (result) => (await result).item()));
      expect(found).toEqual([11, 111, 1111]);
    });

    it("end where a number is set, and scale a rate that is set", () => {
      const optimizer = new Optimizer(
        [parameter([1])],
        chain(
          scaleByRate(rate),
          scaleBySchedule((t) => t + 1),
        ),
      );
      optimizer.step();
      optimizer.step();
      expect(optimizer.hypers).toEqual({ lr: rate(1), factor: 2 });
      optimizer.lr = 0.3;
      optimizer.step();
      expect(optimizer.hypers).toEqual({ lr: 0.3, factor: 3 });
      optimizer.lr = rate;
      optimizer.step();
      expect(optimizer.hypers).toEqual({ lr: rate(3), factor: 4 });
    });

    it("are refused where a compiled function takes several steps at each call", async () => {
      const p = parameter([1]);
      const optimizer = new optim.SGD([p], { lr: rate });
      const step = compile(() => {
        p.grad = p.mul(2);
        optimizer.step();
        optimizer.step();
      });
      await expect(step()).rejects.toThrow(
        "[SGD] lr follows a schedule, but a compiled function takes several steps at each call",
      );
    });

    it("say which step gave a value that is out of range", () => {
      const optimizer = new optim.SGD([parameter([1])], { lr: (t) => 1 - t });
      optimizer.step();
      optimizer.step();
      expect(failure(() => optimizer.step())).toBe("[SGD] lr must be a finite number ≥ 0, got -1 (in step 2)");
    });
  });

  describe("accumulate", () => {
    /** A regression in micro-batches of 4 rows: the mean loss of each, `k` of them for each update. */
    async function train(rule: optim.Rule, rows: number, wrap: boolean) {
      const x = await new Generator(1, { stream: "x" }).normal([24, 3]).data();
      const y = await new Generator(2, { stream: "y" }).normal([24, 1]).data();
      const [weight, bias] = [
        new Parameter(tensor(Float32Array.of(0.5, -1, 2), { shape: [3, 1] }), { name: "weight" }),
        new Parameter(tensor(Float32Array.of(0.1)), { name: "bias" }),
      ];
      const optimizer = new Optimizer([weight, bias], rule);
      const once = (input: Tensor, target: Tensor) => {
        const loss = input.matmul(weight).add(bias).sub(target).square().mean();
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
      };
      const step = wrap ? compile(once) : once;
      const states: { values: number[][]; state: Record<string, ArrayLike<number>> }[] = [];
      const programs: number[] = [];
      for (let at = 0; at < 24; at += rows) {
        const input = tensor(x.slice(at * 3, (at + rows) * 3) as Float32Array, { shape: [rows, 3] });
        const target = tensor(y.slice(at, at + rows) as Float32Array, { shape: [rows, 1] });
        await step(input, target);
        programs.push(programCount());
        states.push({ values: await readAll([weight, bias]), state: await save(optimizer) });
      }
      return { states, programs };
    }

    const inner = () => [clipByNorm(0.5), scaleByAdam(), scaleByMomentum(0.9), decoupledDecay(0.1), scaleByRate(0.05)];

    it.each([false, true])("equals one large batch to rounding, and waits in between; compiled: %s", async (wrap) => {
      const large = await train(chain(...inner()), 12, wrap);
      const small = await train(chain(accumulate(3), ...inner()), 4, wrap);
      expect(large.states).toHaveLength(2);
      expectClose(small.states[2].values, large.states[0].values);
      expectClose(small.states[5].values, large.states[1].values);
      expect(small.states[2].values).not.toEqual(small.states[1].values);
      // Nothing behind `accumulate` changes in the calls between.
      const kept = ({ values, state }: (typeof small.states)[number]) => {
        const own = Object.entries(state).filter(([key]) => !/^steps$|gradient|calls/.test(key));
        return { values, state: Object.fromEntries(own) };
      };
      expect(kept(small.states[4])).toEqual(kept(small.states[2]));
      expect(small.states[5].state["state.weight.step"]).toEqual(Float32Array.of(2));
      if (wrap) expect(new Set(small.programs.slice(1)).size).toBe(1);
    });

    it("loses no gradient of a parameter that has none in the last call, and leaves one alone that never has one", async () => {
      const [a, b] = [parameter([1], "a"), parameter([1], "b")];
      const optimizer = new Optimizer([a, b], chain(accumulate(2), decoupledDecay(0.5), scaleByRate(1)));
      setGradient(a, [0.5]);
      optimizer.step();
      optimizer.zeroGrad();
      optimizer.step();
      // (0.5 + 0) / 2 + 0.5 · 1
      expect(await readAll([a, b])).toEqual([[0.25], [1]]);
    });

    it("sums where asked to, and takes another count between calls", async () => {
      const p = parameter([0]);
      const optimizer = new Optimizer([p], chain(accumulate(3, { reduction: "sum" }), scaleByRate(1)));
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) {
        if (i === 3) optimizer.set({ accumulation: 2 });
        setGradient(p, [-1]);
        optimizer.step();
        seen.push(await p.item());
      }
      expect(seen).toEqual([0, 0, 3, 3, 5]);
    });
  });

  describe("clipping", () => {
    const gradients = [
      [3, 0],
      [0, 4],
    ];
    const made = (rule: optim.Rule) => {
      const ps = [parameter([0, 0], "a"), parameter([0, 0], "b")];
      const optimizer = new Optimizer(ps, rule);
      for (const [i, p] of ps.entries()) setGradient(p, gradients[i]);
      return { ps, optimizer };
    };

    it("by norm scales all updates by one factor, as PyTorch's clip_grad_norm_", async () => {
      for (const limit of [1, 100]) {
        const { ps, optimizer } = made(chain(clipByNorm(limit), scaleByRate(1)));
        expect(await optimizer.gradientNorm().item()).toBeCloseTo(5, 6);
        optimizer.step();
        const factor = Math.min(1, limit / (5 + 1e-6));
        expectClose(
          await readAll(ps),
          gradients.map((row) => row.map((g) => -g * factor)),
        );
      }
    });

    it("by norm is that of all parts where it stands in front of a partition", async () => {
      const parts = partition({ first: [({ name }) => name === "a", scaleByRate(1)], rest: scaleByRate(10) });
      const { ps, optimizer } = made(chain(clipByNorm(1), parts));
      optimizer.step();
      expectClose(await readAll(ps), [
        [-0.6, 0],
        [0, -8],
      ]);
    });

    it("of gradients between backward and step gives their norm", async () => {
      const { ps } = made(scaleByRate(1));
      expect(await clipGradNorm(ps, 2).item()).toBeCloseTo(5, 6);
      expectClose(await readAll(ps.map(({ grad }) => grad as Tensor)), [
        [1.2, 0],
        [0, 1.6],
      ]);
      clipGradValue(ps, 1.25);
      expectClose(await readAll(ps.map(({ grad }) => grad as Tensor)), [
        [1.2, 0],
        [0, 1.25],
      ]);
    });

    it("by value limits every element", async () => {
      const { ps, optimizer } = made(chain(clipByValue(3.5), scaleByRate(1)));
      optimizer.step();
      expect(await readAll(ps)).toEqual([
        [-3, 0],
        [0, -3.5],
      ]);
    });

    it("leaves gradients of zero alone, and hides no NaN", async () => {
      const p = parameter([1, 1]);
      const optimizer = new Optimizer([p], chain(clipByNorm(1), scaleByRate(1)));
      setGradient(p, [0, 0]);
      optimizer.step();
      expect(await readAll([p])).toEqual([[1, 1]]);
      expect(await optimizer.gradientNorm().item()).toBe(0);
      optimizer.zeroGrad();
      expect(await optimizer.gradientNorm().item()).toBe(0);
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const q = parameter([1, 1]);
        const next = new Optimizer([q], chain(clipByNorm(1), scaleByRate(1)));
        setGradient(q, [bad, 1]);
        next.step();
        expect(await readAll([q])).toEqual([[Number.NaN, Number.NaN]]);
      }
    });
  });

  describe("a partition", () => {
    const parts = () => {
      const [matrix, bias] = [
        new Parameter(tensor(Float32Array.of(1, 2, 3, 4), { shape: [2, 2] }), { name: "matrix" }),
        parameter([1, 1], "bias"),
      ];
      const rule = partition({
        matrices: [({ rank }) => rank > 1, optim.SGD.chain({ lr: 0.05, momentum: 0.9 })],
        rest: optim.SGD.chain({ lr: 0.2 }),
      });
      return { matrix, bias, optimizer: new Optimizer([matrix, bias], rule) };
    };
    const step = ({ matrix, bias, optimizer }: ReturnType<typeof parts>) => {
      matrix.grad = tensor(Float32Array.of(1, 1, 1, 1), { shape: [2, 2] });
      bias.grad = tensor(Float32Array.of(1, 1));
      optimizer.step();
      optimizer.zeroGrad();
    };

    it("takes the steps of each part", async () => {
      const found = parts();
      step(found);
      expectClose(await readAll([found.matrix, found.bias]), [
        [0.95, 1.95, 2.95, 3.95],
        [0.8, 0.8],
      ]);
      expect([found.matrix.grad, found.bias.grad]).toEqual([null, null]);
      expect(found.optimizer.parameters()).toEqual([found.matrix, found.bias]);
    });

    it("goes on from a saved state", async () => {
      const [first, second] = [parts(), parts()];
      first.optimizer.set({ "matrices.lr": 0.1 });
      step(first);
      const saved = await save(first.optimizer);
      expect(Object.keys(saved)).toEqual([
        "steps",
        "hypers.matrices.momentum",
        "hypers.matrices.lr",
        "hypers.rest.lr",
        "state.matrix.momentum_buffer",
      ]);
      second.matrix.load(await first.matrix.data());
      second.optimizer.loadStateDict(saved);
      expect(second.optimizer.hypers).toEqual(first.optimizer.hypers);
      expect(second.optimizer.steps).toBe(1);
      for (const made of [first, second]) step(made);
      // The reference device has more digits of an f32 than a saved state holds.
      expectClose(await readAll([second.matrix]), await readAll([first.matrix]), device === "interp" ? 1e-7 : 1e-30);
    });
  });
});

describe("state", () => {
  it("has the key of its parameter: the path in the model, or its index where that tells it from no other", () => {
    const keys = (params: Iterable<Variable>) =>
      Object.keys(new optim.SGD(params, { lr: 0.1, momentum: 0.9 }).stateDict()).filter((key) => /^state/.test(key));
    const model = new Sequential(new Linear(2, 2, { bias: false }), new Sequential(new Linear(2, 2)));
    expect(keys(model.parameters())).toEqual([
      "state.0.weight.momentum_buffer",
      "state.1.0.weight.momentum_buffer",
      "state.1.0.bias.momentum_buffer",
    ]);
    const [a, b, c] = [parameter([1], "same"), parameter([1], "same"), parameter([1], "other")];
    expect(keys([a, b, c])).toEqual([
      "state.0.momentum_buffer",
      "state.1.momentum_buffer",
      "state.other.momentum_buffer",
    ]);
  });

  it("is not kept for frozen parameters, which a later step must not meet", async () => {
    await useDevice("interp");
    const model = new Sequential(new Linear(2, 2, { bias: false }), new Linear(2, 1, { bias: false }));
    const [body, head] = model.parameters();
    body.trainable = false;
    const optimizer = new optim.AdamW(model.parameters());
    expect(optimizer.parameters()).toEqual([head]);
    expect(Object.keys(optimizer.stateDict()).filter((key) => key.startsWith("state.0"))).toEqual([]);
    const before = await body.data();
    const loss = () => model(tensor([[1, 2]])).sum();
    loss().backward();
    optimizer.step();
    optimizer.zeroGrad();
    expect(await body.data()).toEqual(before);
    head.trainable = false; // frozen later: it stays what it is, its state too
    const kept = await readAll([head, ...Object.values(optimizer.stateDict())].slice(0, -1));
    body.trainable = true;
    loss().backward();
    expect(failure(() => optimizer.step())).toBe(
      "[AdamW] 0.weight [2, 2] was frozen when the optimizer was made, so that there is no state for it. " +
        "Make another optimizer after unfreeze()",
    );
    optimizer.zeroGrad();
    expect(body.grad).toBe(null);
    optimizer.step();
    expect((await readAll([head]))[0]).toEqual(kept[0]);
  });

  it("is counted in bytes", () => {
    const ps = [new Parameter(tensor(new Float32Array(6), { shape: [2, 3] })), parameter([1, 2])];
    expect(new optim.SGD(ps, { lr: 0.1 }).stateBytes()).toBe(0);
    expect(new optim.SGD(ps, { lr: 0.1, momentum: 0.9 }).stateBytes()).toBe(4 * 8);
    expect(new optim.AdamW(ps).stateBytes()).toBe(4 * (2 * 8 + 2));
    expect(new Optimizer(ps, chain(accumulate(2), scaleByRate(1))).stateBytes()).toBe(4 * (8 + 2 + 1));
  });
});

describe("the text of an optimizer", () => {
  it("has its name, the number of parameters and the current hyper-parameters, also in the console", () => {
    const ps = [new Parameter(zeros([2])), new Parameter(zeros([3]))];
    const adam = new AdamW(ps, { lr: 0.01 });
    adam.lr = 0.5;
    const text = "AdamW(2 parameters, beta1=0.9, beta2=0.999, eps=1e-8, weightDecay=0.01, lr=0.5)";
    expect(String(adam)).toBe(text);
    expect(inspect(adam)).toBe(text);
    expect(String(new LBFGS([ps[0]]))).toBe("LBFGS(1 parameter, lr=1)");
  });
});
