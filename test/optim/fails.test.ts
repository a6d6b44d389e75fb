/** Programs that must fail, with their exact messages: what is wrong and what to do about it. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Adam, AdamW, constant, cosine, multiStep, SGD, stepDecay } from "../../src/optim/index.js";
import { Parameter, zeros } from "../../src/tensor/index.js";
import { ConfigError, DataError, FoveaError, ShapeError } from "../../src/util/errors.js";

type Failure = readonly [message: string, hint: string | undefined, program: () => unknown];

function check(kind: typeof FoveaError, failures: readonly Failure[]): void {
  it.each(failures)("%s", (message, hint, program) => {
    const error = thrownBy(program);
    expect(error).toBeInstanceOf(kind);
    expect({ message: error.message, hint: error.hint }).toEqual({ message, hint });
  });
}

function thrownBy(program: () => unknown): FoveaError {
  try {
    program();
  } catch (error) {
    if (error instanceof FoveaError) return error;
    throw error;
  }
  throw new Error("the program did not fail");
}

const weight = new Parameter(zeros([2, 3]), { name: "head.weight" });
const bias = new Parameter(zeros([3]), { name: "head.bias" });
const passParameters = "Pass model.parameters()";

describe("parameters", () => {
  check(ConfigError, [
    ["[sgd] got no parameters", passParameters, () => new SGD([], { lr: 0.1 })],
    ["[adam] parameter 1 is no Parameter but a string", passParameters, () => new Adam([weight, "head.bias"] as never)],
    [
      "[sgd] parameter head.weight [2, 3] is given twice",
      "Leave it out of one of the groups",
      () => new SGD([{ params: [weight, bias] }, { params: [weight] }], { lr: 0.1 }),
    ],
    [
      "[sgd] item 1 is no group, but others are",
      "Put it in a group { params: [...] }",
      () => new SGD([{ params: [weight] }, bias] as never, { lr: 0.1 }),
    ],
  ]);
});

describe("settings", () => {
  check(ConfigError, [
    ["[sgd] lr must be a finite number ≥ 0, got -1", undefined, () => new SGD([weight], { lr: -1 })],
    ["[sgd] lr must be a finite number ≥ 0, got undefined", undefined, () => new SGD([weight], {} as never)],
    [
      "[sgd] lr must be a finite number ≥ 0, got NaN",
      undefined,
      () => {
        new SGD([weight], { lr: 1 }).lr = Number.NaN;
      },
    ],
    [
      "[sgd] momentum must be at least 0 and below 1, got 9",
      undefined,
      () => new SGD([weight], { lr: 0.1, momentum: 9 }),
    ],
    [
      "[sgd] nesterov needs momentum > 0 and dampening 0, got momentum 0, dampening 0",
      "Set momentum: 0.9, or leave nesterov out",
      () => new SGD([weight], { lr: 0.1, nesterov: true }),
    ],
    [
      "[sgd] unknown option weight_decay",
      "The options are lr, momentum, dampening, nesterov, weightDecay",
      () => new SGD([weight], { lr: 0.1, weight_decay: 0.1 } as never),
    ],
    [
      "[sgd] a group has its own lr",
      "Groups scale the optimizer's: use lrFactor",
      () => new SGD([{ params: [weight], lr: 0.01 } as never], { lr: 0.1 }),
    ],
    [
      "[adamW] lrFactor must be a finite number ≥ 0, got -2",
      undefined,
      () => new AdamW([{ params: [weight], lrFactor: -2 }]),
    ],
    [
      "[adamW] weightDecay must be a finite number ≥ 0, got -0.1",
      undefined,
      () => new AdamW([{ params: [weight], weightDecay: -0.1 }]),
    ],
    ["[adam] betas[1] must be at least 0 and below 1, got 1", undefined, () => new Adam([weight], { betas: [0.9, 1] })],
    ["[adam] betas must be a pair of numbers, got 0.9", undefined, () => new Adam([weight], { betas: 0.9 as never })],
    ["[adam] eps must be a finite number ≥ 0, got -1", undefined, () => new Adam([weight], { eps: -1 })],
  ]);
});

describe("states", () => {
  beforeAll(() => useDevice("interp"));
  const hint = "Make the optimizer with the parameters and options that it was saved with";
  const momentum = () => new SGD([weight, bias], { lr: 0.1, momentum: 0.9 });
  const lr = new Float32Array([1]);
  check(DataError, [
    [
      "[loadStateDict] missing keys: state.0.momentum_buffer, state.1.momentum_buffer",
      hint,
      () => momentum().loadStateDict({ lr }),
    ],
    [
      "[loadStateDict] missing keys: lr; unexpected keys: state.0.exp_avg",
      hint,
      () => new SGD([weight], { lr: 0.1 }).loadStateDict({ "state.0.exp_avg": new Float32Array(6) }),
    ],
    [
      "[loadStateDict] tensors instead of saved values: lr, state.0.momentum_buffer, state.1.momentum_buffer",
      "Read the values first: await tensor.data()",
      () => momentum().loadStateDict(momentum().stateDict() as never),
    ],
  ]);
  check(ShapeError, [
    [
      "[loadStateDict] shapes differ: state.0.momentum_buffer needs [2, 3], got 5 values; " +
        "state.1.momentum_buffer needs [3], got [1, 3]",
      hint,
      () =>
        momentum().loadStateDict({
          lr,
          "state.0.momentum_buffer": new Float32Array(5),
          "state.1.momentum_buffer": { shape: [1, 3], data: new Float32Array(3) },
        }),
    ],
  ]);
});

describe("schedules", () => {
  check(ConfigError, [
    ["[constant] lr must be a finite number ≥ 0, got -1", undefined, () => constant(-1)],
    ["[stepDecay] stepSize must be a whole number ≥ 1, got 0", undefined, () => stepDecay(0.1, { stepSize: 0 })],
    [
      "[stepDecay] gamma must be a finite number ≥ 0, got -0.5",
      undefined,
      () => stepDecay(0.1, { stepSize: 1, gamma: -0.5 }),
    ],
    ["[multiStep] milestones must ascend, got 5, 3", "Sort them", () => multiStep(0.1, { milestones: [5, 3] })],
    [
      "[multiStep] milestones[0] must be a whole number ≥ 0, got 1.5",
      undefined,
      () => multiStep(0.1, { milestones: [1.5] }),
    ],
    ["[cosine] totalSteps must be a whole number ≥ 1, got 0", undefined, () => cosine(0.1, { totalSteps: 0 })],
    [
      "[cosine] warmupSteps 10 must be below totalSteps 10",
      "Shorten the warm-up, or train longer",
      () => cosine(0.1, { totalSteps: 10, warmupSteps: 10 }),
    ],
    ["[cosine] minLr 1 is above lr 0.1", "Swap them", () => cosine(0.1, { totalSteps: 10, minLr: 1 })],
  ]);
});
