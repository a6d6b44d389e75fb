/** Muon on filters, averages of weights, and one cycle. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Ema, l1Penalty, l2Penalty, Muon, oneCycle, SGD, Snapshots, Swa } from "../../src/optim/index.js";
import { compile, Generator, Parameter, programCount, type Tensor, tensor, Variable } from "../../src/tensor/index.js";
import { describeError } from "../../src/util/errors.js";
import { devices } from "../support/devices.js";

const failure = (program: () => unknown): string => {
  try {
    program();
  } catch (error) {
    return describeError(error);
  }
  return "nothing";
};
const parameter = (values: readonly number[], shape: readonly number[] = [values.length], name = "p") =>
  new Parameter(tensor(Float32Array.from(values), { shape }), { name });

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("Muon takes a filter bank as the matrix of its filters", async () => {
    const values = await new Generator(1, { stream: "filters" }).normal([6, 2, 3, 3]).data();
    const gradient = await new Generator(2, { stream: "filters" }).normal([6, 2, 3, 3]).data();
    const stepped = async (shape: readonly number[]) => {
      const filters = parameter([...values], shape);
      filters.grad = tensor(gradient, { shape });
      new Muon([filters], { lr: 0.1 }).step();
      return filters.data();
    };
    expect(await stepped([6, 2, 3, 3])).toEqual(await stepped([6, 18]));
  });

  it("Muon's steps have singular values near 1, whatever the gradient's are", async () => {
    const [M, K] = [4, 9];
    // Rows at right angles, of lengths 1, 10, 100 and 1000: the lengths are the singular values.
    const gradient = Float32Array.from({ length: M * K }, (_, i) => (i % K === Math.floor(i / K) ? 10 ** (i % K) : 0));
    const weight = parameter(new Array<number>(M * K).fill(0), [M, K]);
    weight.grad = tensor(gradient, { shape: [M, K] });
    new Muon([weight], { lr: 1, momentum: 0, weightDecay: 0, nsSteps: 10 }).step();
    const step = await weight.data();
    for (let row = 0; row < M; row++) {
      const length = Math.hypot(...step.slice(row * K, (row + 1) * K));
      expect(length).toBeGreaterThan(0.6);
      expect(length).toBeLessThan(1.3);
    }
  });

  it("Muon brings matrices to the norm of their rows where asked to, and steps from there", async () => {
    const step = async (values: readonly number[], fixedNorm: boolean) => {
      const weight = parameter(values, [2, 2]);
      weight.grad = tensor([1, 2, 3, 5], { shape: [2, 2] });
      new Muon([weight], { lr: 0.1, weightDecay: 0.5, fixedNorm }).step();
      return weight.data();
    };
    const expected = await step(
      [3, 1, -1, 1].map((value) => value * Math.sqrt(2 / 12)), // 12 = 3² + 1 + 1 + 1
      false,
    );
    const found = await step([30, 10, -10, 10], true);
    for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6);
  });

  it("averages are PyTorch's: a copy first, then a share of each value, counted numbers copied", async () => {
    const weight = parameter([4, -8]);
    const count = new Variable(tensor([0], { dtype: "i32" }));
    const ema = new Ema({ weight, again: weight, count }, { decay: 0.75 });
    const step = compile((x: Tensor) => {
      weight.assign(weight.mul(x));
      count.assign(count.add(1));
      ema.update();
    });
    const expected: number[][] = [];
    let [value, average] = [
      [4, -8],
      [4, -8],
    ];
    for (const x of [0.5, 3, -1, 0.25]) {
      await step(tensor([x]));
      value = value.map((v) => v * x);
      const first = expected.length === 0;
      average = average.map((a, i) => (first ? value[i] : 0.75 * a + 0.25 * value[i]));
      expected.push(average);
      expect([...(await ema.averages().weight.data())]).toEqual(average);
    }
    expect([...(await ema.averages().count.data())]).toEqual([4]);
    expect(ema.averages().again).toBe(ema.averages().weight);
    expect(Object.keys(ema.stateDict())).toEqual(["updates", "average.weight", "average.again", "average.count"]);
    expect(await ema.stateDict().updates.item()).toBe(4);
  });

  it("averages change places with the values, and back, and training goes on", async () => {
    const train = async (swaps: boolean) => {
      const weight = parameter([1, 2]);
      const ema = new Ema({ weight }, { decay: 0.5 });
      const step = compile((x: Tensor) => {
        weight.assign(weight.mul(x));
        ema.update();
      });
      const read = compile(() => weight.mul(1));
      const seen: number[][] = [];
      for (const x of [2, 0.5, 3]) {
        await step(tensor([x]));
        if (!swaps) continue;
        ema.swap();
        seen.push([...(await (await read()).data())]);
        ema.swap();
      }
      return { seen, weight: [...(await weight.data())], average: [...(await ema.averages().weight.data())] };
    };
    const plain = await train(false);
    expect(plain).toEqual({ seen: [], weight: [3, 6], average: [2.25, 4.5] });
    expect(await train(true)).toEqual({
      ...plain,
      seen: [
        [2, 4],
        [1.5, 3],
        [2.25, 4.5],
      ],
    });
  });
});

describe("averages", () => {
  it("go on from a saved state, bit for bit", async () => {
    await useDevice("native");
    const made = () => {
      const weight = parameter([1, -3, 0.1]);
      return { weight, ema: new Ema({ weight }, { decay: 0.9 }) };
    };
    const move = ({ weight, ema }: ReturnType<typeof made>, factors: readonly number[]) => {
      for (const x of factors) {
        weight.assign(weight.mul(x));
        ema.update();
      }
    };
    const first = made();
    move(first, [0.3, 1.7]);
    const cells = Object.entries(first.ema.stateDict());
    const saved = Object.fromEntries(
      await Promise.all(cells.map(async ([k, cell]) => [k, await cell.data()] as const)),
    );
    const second = made();
    second.weight.load(await first.weight.data());
    second.ema.loadStateDict(saved);
    for (const one of [first, second]) move(one, [1.1, 0.2]);
    expect(await second.ema.averages().weight.data()).toEqual(await first.ema.averages().weight.data());
    expect(failure(() => second.ema.loadStateDict({ updates: saved.updates }))).toContain(
      "missing keys: average.weight",
    );
  });

  it("take another decay without a new program", async () => {
    await useDevice("native");
    const weight = parameter([1]);
    const ema = new Ema({ weight }, { decay: 0.5 });
    const step = compile((x: Tensor) => {
      weight.assign(weight.mul(x));
      ema.update();
    });
    for (let i = 0; i < 2; i++) await step(tensor([2]));
    const before = programCount();
    ema.decay = 0.75;
    await step(tensor([2]));
    expect(await ema.averages().weight.item()).toBe(0.75 * (0.5 * 2 + 0.5 * 4) + 0.25 * 8);
    expect(programCount()).toBe(before);
  });

  it("refuse a decay of 1", () => {
    expect(failure(() => new Ema({}, { decay: 1 }))).toBe("[Ema] decay must be a number ≥ 0 and < 1, got 1");
  });
});

describe("Muon refuses", () => {
  const matrix = parameter([1, 2], [1, 2]);
  it.each([
    [{ momentum: 1 }, "[Muon] momentum must be a number ≥ 0 and < 1 or a schedule, got 1"],
    [{ nsSteps: 0 }, "[Muon] nsSteps must be a whole number ≥ 1, got 0"],
    [{ nsCoefficients: [1, 2] as never }, "[Muon] nsCoefficients must be three numbers, got [1, 2]"],
    [{ adjustLr: "big" as never }, '[Muon] adjustLr must be one of "original", "matchRmsAdamw", got "big"'],
  ])("%j", (options, message) => expect(failure(() => new Muon([matrix], options))).toBe(message));

  it("a bias", () => {
    expect(failure(() => new Muon([matrix, parameter([1, 2], [2], "bias")]))).toBe(
      "[Muon] parameter bias [2] is no matrix. Give it to another chain, in a partition",
    );
  });
});

describe("oneCycle", () => {
  it("stays at its end, and begins at the peak if there is no way up", () => {
    const lr = oneCycle(0.5, 4, { pctStart: 0, divFactor: 2, finalDivFactor: 5, anneal: "linear" });
    expect([0, 1, 2, 3, 9].map((step) => Number(lr(step).toFixed(9)))).toEqual([0.5, 0.35, 0.2, 0.05, 0.05]);
  });

  it.each([
    [0, {}, "[oneCycle] totalSteps must be a whole number ≥ 1, got 0"],
    [5, { pctStart: 1.5 }, "[oneCycle] pctStart must be a number between 0 and 1, got 1.5"],
    [5, { divFactor: 0 }, "[oneCycle] divFactor must be a finite number > 0, got 0"],
    [5, { anneal: "step" as never }, '[oneCycle] anneal must be one of "cos", "linear", got "step"'],
  ])("refuses %j %j", (totalSteps, options, message) =>
    expect(failure(() => oneCycle(0.1, totalSteps, options))).toBe(message),
  );
});

describe("Swa, Snapshots, penalties and norms", () => {
  beforeAll(() => useDevice("interp"));

  it("Swa averages all updates equally, in a compiled step too, and resumes", async () => {
    const weight = parameter([4, -8]);
    const [swa, other] = [new Swa({ weight }), new Swa({ weight })];
    const step = compile((x: Tensor) => {
      weight.assign(weight.mul(x));
      swa.update();
    });
    const seen: number[][] = [];
    for (const x of [0.5, 3, -1]) {
      await step(tensor([x]));
      seen.push([...(await weight.data())]);
    }
    const mean = [0, 1].map((i) => seen.reduce((sum, values) => sum + values[i], 0) / 3);
    const found = await swa.averages().weight.data();
    for (const i of [0, 1]) expect(found[i]).toBeCloseTo(mean[i], 6);
    const entries = Object.entries(swa.stateDict()).map(async ([key, cell]) => [key, await cell.data()] as const);
    other.loadStateDict(Object.fromEntries(await Promise.all(entries)));
    for (const each of [swa, other]) each.update();
    expect(await other.averages().weight.data()).toEqual(await swa.averages().weight.data());
    swa.swap();
    expect(await weight.data()).not.toEqual(Float32Array.from(seen[2]));
  });

  it("Snapshots average predictions, not weights, and leave the present weights", async () => {
    const weight = parameter([1, 2]);
    const snapshots = new Snapshots({ weight }, { limit: 2 });
    for (const value of [9, 3, -5]) {
      weight.assign(tensor([value, 1]));
      snapshots.take();
    }
    weight.assign(tensor([7, 7]));
    const mean = snapshots.mean(() => weight.square());
    expect(await mean.toArray()).toEqual([(9 + 25) / 2, 1]);
    expect(await weight.toArray()).toEqual([7, 7]);
    expect(snapshots.all).toHaveLength(2);
    expect(failure(() => new Snapshots({ weight }).mean(() => weight))).toContain("there are no snapshots");
  });

  it("penalties have the gradients of the steps", async () => {
    const weights = [parameter([3, -4, 0]), parameter([1], [1])];
    l1Penalty(weights).mul(0.5).add(l2Penalty(weights).mul(2)).backward();
    expect(await weights[0].grad?.toArray()).toEqual([0.5 + 6, -0.5 - 8, 0]);
    expect(await l1Penalty(weights).item()).toBe(8);
    expect(await l2Penalty(weights).item()).toBe(13);
    expect(await l2Penalty([]).item()).toBe(0);
  });

  it("gradient norms are those of each parameter, by path", async () => {
    const weights = [parameter([3, -4], [2], "a.weight"), parameter([1], [1], "b"), parameter([2], [1], "c")];
    const optimizer = new SGD(weights);
    weights[0].grad = tensor([6, 8]);
    weights[2].grad = tensor([-2]);
    const norms = optimizer.gradientNorms();
    expect(Object.keys(norms)).toEqual(["a.weight", "c"]);
    expect([await norms["a.weight"].item(), await norms.c.item()]).toEqual([10, 2]);
  });
});
