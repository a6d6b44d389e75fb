/**
 * What recurrent layers promise beside PyTorch's numbers: sequences of different lengths are independent of one another
 * and of their padding, gradients stop at detached states, and the gradient of each time step can be read.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import {
  GRU,
  GRUCell,
  Linear,
  LSTM,
  LSTMCell,
  Module,
  RNN,
  RNNCell,
  recordSteps,
  spectralNorm,
} from "../../src/nn/index.js";
import {
  compile,
  concat,
  Generator,
  grad,
  programCount,
  realize,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

const random = (shape: readonly number[], seed = 1) => new Generator(seed, { stream: "x" }).normal(shape);

/** Compares values, all of which are computed by one program. */
async function expectAllEqual(pairs: readonly (readonly [actual: Tensor, expected: Tensor])[]): Promise<void> {
  await realize(...pairs.flat());
  for (const [actual, expected] of pairs) {
    expect(actual.shape).toEqual(expected.shape);
    const [found, wanted] = [await actual.data(), await expected.data()];
    for (const i of wanted.keys()) expect(found[i]).toBeCloseTo(wanted[i], 12);
  }
}

const expectEqual = (actual: Tensor, expected: Tensor): Promise<void> => expectAllEqual([[actual, expected]]);

const families = [
  ["RNN", () => new RNN(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true })],
  ["LSTM", () => new LSTM(3, 4, { bidirectional: true, batchFirst: true })],
  ["GRU", () => new GRU(3, 4, { bidirectional: true, batchFirst: true })],
] as const;

describe.each(families)("lengths of sequences of %s", (_, make) => {
  const lengths = [2, 3, 0];
  const T = 3;

  it("give what separate runs of the sequences give", async () => {
    const layer = make();
    const x = random([3, T, 3]);
    const { output, ...states } = layer(x, { lengths: tensor(lengths, { dtype: "i32" }) });
    const pairs = lengths.flatMap((length, n): [Tensor, Tensor][] => {
      const rows = output.select(0, n);
      const ofStates = (expected: Readonly<Record<string, Tensor>>) =>
        Object.entries(states).map(([name, state]): [Tensor, Tensor] => [state.select(1, n), expected[name]]);
      const padding: [Tensor, Tensor] = [rows.slice(0, length, T), zeros([T - length, 8])];
      const none = zeros([layer.numLayers * 2, 4]);
      if (length === 0) return [padding, ...ofStates({ hidden: none, cell: none })];
      const alone = layer(x.select(0, n).slice(0, 0, length));
      return [padding, [rows.slice(0, 0, length), alone.output], ...ofStates({ ...alone })];
    });
    await expectAllEqual(pairs);
  });

  it("hide the padding from results and gradients, even if it is NaN", async () => {
    const layer = make();
    const [results, polluted] = [0, Number.NaN].map((padding) => {
      const valid = tensor(lengths.map((length) => Array.from({ length: T }, (__, t) => [t < length])));
      const x = valid.where(random([3, T, 3]), padding);
      const { output, hidden } = layer(x, { lengths: tensor(lengths, { dtype: "i32" }) });
      const loss = output.square().sum().add(hidden.sum());
      return [output, hidden, ...grad(loss, [x, ...layer.parameters()])];
    });
    await expectAllEqual(results.map((expected, i) => [polluted[i], expected]));
    for (const expected of results) expect((await expected.data()).every(Number.isFinite)).toBe(true);
  });
});

it("a compiled function serves all lengths with one program", async () => {
  const layer = new GRU(2, 3);
  const run = compile((x: Tensor, lengths: Tensor) => layer(x, { lengths }).hidden);
  const x = random([3, 2, 2]);
  const given = [tensor([1, 3], { dtype: "i32" }), tensor([2, 1], { dtype: "i32" })];
  const expected = given.map((lengths) => layer(x, { lengths }).hidden);
  await Promise.all(expected.map((one) => one.data()));
  await expectEqual(await run(x, given[0]), expected[0]);
  const before = programCount();
  await expectEqual(await run(x, given[1]), expected[1]);
  expect(programCount()).toBe(before);
});

describe("truncated back-propagation through time", () => {
  it("continues with detached states: the same outputs, and gradients that stop between chunks", async () => {
    const lstm = new LSTM(2, 3);
    const x = random([6, 2, 2]);
    const whole = lstm(x);
    const first = lstm(x.slice(0, 0, 3));
    const [hidden, cell] = [first.hidden.detach(), first.cell.detach()];
    const second = lstm(x.slice(0, 3, 6), { hidden, cell });
    await expectEqual(concat([first.output, second.output]), whole.output);
    await expectEqual(second.cell, whole.cell);

    const [dx] = grad(second.output.sum(), [x]);
    const [full] = grad(whole.output.slice(0, 3, 6).sum(), [x]);
    expect([...(await dx.slice(0, 0, 3).data())].every((value) => value === 0)).toBe(true);
    expect([...(await full.slice(0, 0, 3).data())].every((value) => value !== 0)).toBe(true);
    await expectEqual(dx.slice(0, 3, 6), full.slice(0, 3, 6));
  });

  it("does not stop gradients at states that are not detached", async () => {
    const gru = new GRU(2, 3);
    const x = random([4, 1, 2]);
    const loss = gru(x.slice(0, 2, 4), { hidden: gru(x.slice(0, 0, 2)).hidden }).output.sum();
    const [dx] = grad(loss, [x]);
    await expectEqual(dx, grad(gru(x).output.slice(0, 2, 4).sum(), [x])[0]);
  });
});

describe("recordSteps", () => {
  it("gives the gradient norms of a loop of cells", async () => {
    const [layer, cell] = [new LSTM(2, 3), new LSTMCell(2, 3)];
    const saved = Object.entries(layer.stateDict()).map(([key, value]) => [key.replace("_l0", ""), value] as const);
    cell.loadStateDict(Object.fromEntries(saved));
    const x = random([4, 2, 2]);
    const { result, gradientNorms } = recordSteps(layer, () => layer(x).output.square().sum());
    result.backward();
    const [norms] = gradientNorms(result);

    const steps = [cell(x.select(0, 0))];
    for (let t = 1; t < 4; t++) steps.push(cell(x.select(0, t), steps[t - 1]));
    const loss = steps.map(({ hidden }) => hidden.square().sum()).reduce((sum, term) => sum.add(term));
    for (const name of ["hidden", "cell"] as const) {
      const states = steps.map((state) => state[name]);
      expect(norms[name].shape).toEqual([1, 4]);
      const found = await norms[name].data();
      for (const [t, g] of grad(loss, states).entries()) {
        const values = [...(await g.data())];
        expect(found[t]).toBeCloseTo(Math.hypot(...values), 6);
      }
    }
  });

  it("is the closed form of a linear recurrence", async () => {
    const rnn = new RNN(1, 1, { nonlinearity: "relu", bias: false });
    rnn.loadStateDict({ weight_ih_l0: tensor([[1]]), weight_hh_l0: tensor([[0.5]]) });
    const { result, gradientNorms } = recordSteps(rnn, () => rnn(tensor([[[1]], [[2]], [[3]]])).hidden.sum());
    expect(await gradientNorms(result)[0].hidden.toArray()).toEqual([[0.25, 0.5, 1]]);
  });

  it("orders layers, directions and time, leaves out steps behind the end, and tells calls apart", async () => {
    const rnn = new RNN(1, 1, { nonlinearity: "relu", bias: false, bidirectional: true });
    const half = { weight_ih_l0: tensor([[1]]), weight_hh_l0: tensor([[0.5]]) };
    rnn.loadStateDict({ ...half, weight_ih_l0_reverse: tensor([[1]]), weight_hh_l0_reverse: tensor([[0.25]]) });
    const x = tensor([[[1]], [[1]], [[1]]]);
    const { result, gradientNorms } = recordSteps(rnn, () => {
      const { hidden } = rnn(x, { lengths: tensor([2], { dtype: "i32" }) });
      return hidden.sum().add(rnn(x).hidden.sum().mul(2));
    });
    const norms = await Promise.all(gradientNorms(result).map(({ hidden }) => hidden.toArray()));
    expect(norms).toEqual([
      [
        [0.5, 1, 0],
        [1, 0.25, 0],
      ],
      [
        [0.5, 1, 2],
        [2, 0.5, 0.125],
      ],
    ]);
  });

  it("works on a layer inside a compiled model", async () => {
    class Model extends Module {
      readonly rnn = new GRU(2, 3);
      readonly head = new Linear(3, 1);
      override forward(x: Tensor): Tensor {
        return this.head(this.rnn(x).hidden.select(0, 0));
      }
    }
    const model = new Model();
    const norms = (x: Tensor) => {
      const { result, gradientNorms } = recordSteps(model.rnn, () => model(x).sum());
      return gradientNorms(result)[0].hidden;
    };
    const x = random([3, 2, 2]);
    await expectEqual(await compile(norms)(x), norms(x));
  });

  it("refuses a function that does not call the layer", () => {
    expect(() => recordSteps(new RNN(1, 1), () => 0)).toThrow("[recordSteps] the layer was not called");
  });
});

it("dropout zeroes outputs between layers in training, and none of the last", async () => {
  const layer = new RNN(2, 40, { numLayers: 2, dropout: 1, nonlinearity: "tanh" });
  const x = random([1, 1, 2]);
  const { output } = layer(x);
  const state = layer.stateDict();
  const expected = state.bias_ih_l1.add(state.bias_hh_l1).tanh();
  await expectEqual(output.reshape([40]), expected); // the second layer saw zeros
  const evaluated = await layer.eval()(x).output.data();
  expect(evaluated).not.toEqual(await expected.data());
});

it("a parametrised weight is computed once in a call, also for many steps", async () => {
  const once = spectralNorm(new GRU(2, 3), { name: "weightHhL0" });
  const alone = spectralNorm(new Linear(3, 9));
  const saved = once.stateDict();
  const keys = ["original", "0._u", "0._v"].map((key) => [key, saved[`parametrizations.weightHhL0.${key}`]] as const);
  alone.loadStateDict(
    Object.fromEntries(keys.map(([key, value]) => [`parametrizations.weight.${key}`, value.detach()])),
    { strict: false },
  );
  await once(random([4, 1, 2])).hidden.data();
  await alone(random([1, 3])).data();
  await expectEqual(keys[1][1], alone.stateDict()["parametrizations.weight.0._u"]);
});

it("cells and layers run as what they are typed as in f64", async () => {
  const cell = new LSTMCell(2, 3).to("f64");
  expect(cell(random([1, 2]).to("f64")).cell.dtype).toBe("f64");
  expect(new GRU(2, 3).to("f64")(random([2, 1, 2]).to("f64")).hidden.dtype).toBe("f64");
});

it("a layer shows its settings", () => {
  const text =
    "LSTM(inputSize=2, hiddenSize=3, numLayers=1, bias=true, batchFirst=false, dropout=0, bidirectional=true, ";
  expect(String(new LSTM(2, 3, { bidirectional: true }))).toBe(`${text}projSize=0)`);
});

describe("wrong arguments", () => {
  const x = zeros([5, 2, 3]);
  const lstm = new LSTM(3, 4);
  const loose = lstm as unknown as (...args: readonly unknown[]) => unknown;
  it.each([
    ["[LSTM] projSize 4 is not below hiddenSize 4", () => new LSTM(3, 4, { projSize: 4 })],
    ['[RNN] nonlinearity must be one of "tanh", "relu"', () => new RNN(3, 4, { nonlinearity: "sigmoid" as "tanh" })],
    ["[GRU] inputSize must be a whole number ≥ 1, got 0", () => new GRU(0, 4)],
    ["[LSTM] dropout must be a number between 0 and 1, got 2", () => new LSTM(3, 4, { dropout: 2 })],
    ["[LSTM] expected x [T, 3] or [T, N, 3], got x [5, 2, 4]", () => lstm(zeros([5, 2, 4]))],
    ["[LSTM] expected x [T, 3] or [N, T, 3], got x [3]", () => new LSTM(3, 4, { batchFirst: true })(zeros([3]))],
    ["[LSTM] x [0, 2, 3] has no steps", () => lstm(zeros([0, 2, 3]))],
    ["[LSTM] x is f64 and the weights are f32", () => lstm(x.to("f64"))],
    ["[LSTM] expected hidden [1, 2, 4], got hidden [1, 3, 4]", () => lstm(x, { hidden: zeros([1, 3, 4]) })],
    ["[LSTM] expected cell [1, 4], got cell [1, 1, 4]", () => lstm(zeros([5, 3]), { cell: zeros([1, 1, 4]) })],
    ["[LSTM] expected lengths [2], got lengths [3]", () => lstm(x, { lengths: tensor([1, 2, 3], { dtype: "i32" }) })],
    ["[LSTM] lengths are f32", () => lstm(x, { lengths: tensor([1, 2]) })],
    ["[LSTM] lengths are for batches", () => lstm(zeros([5, 3]), { lengths: tensor([1], { dtype: "i32" }) })],
    ["[LSTM] expected options as the second argument", () => loose(x, zeros([1, 2, 4]))],
    ["[LSTM] expected options as the second argument", () => loose(x, [zeros([1, 2, 4]), zeros([1, 2, 4])])],
    ['[LSTM] the call has no option "lenghts"', () => loose(x, { lenghts: zeros([2]) })],
    ["[LSTM] hidden must be a tensor, got 0", () => loose(x, { hidden: 0 })],
    ["[GRUCell] expected x [3] or [N, 3], got x [5, 2, 3]", () => new GRUCell(3, 4)(x)],
    ["[RNNCell] expected hidden [2, 4]", () => new RNNCell(3, 4)(zeros([2, 3]), { hidden: zeros([4]) })],
  ])("%s", (message, run) => {
    expect(run).toThrow(message);
  });
});
