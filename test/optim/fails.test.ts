/** Programs that must fail, with their exact messages: what is wrong and what to do about it. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { Linear } from "../../src/nn/index.js";
import {
  Adam,
  AdamW,
  accumulate,
  averageGradients,
  chain,
  clipByNorm,
  clipByValue,
  constant,
  cosine,
  coupledDecay,
  decoupledDecay,
  limitNorms,
  lookahead,
  multiStep,
  Optimizer,
  optimizers,
  Plateau,
  partition,
  piecewise,
  SAM,
  ScheduleFreeSGD,
  SGD,
  scaleByAdam,
  scaleByMomentum,
  scaleByRate,
  schedules,
  sequence,
  stepDecay,
  trapezoid,
} from "../../src/optim/index.js";
import { Parameter, Variable, zeros } from "../../src/tensor/index.js";
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
    ["[SGD] got no parameters", passParameters, () => new SGD([], { lr: 0.1 })],
    [
      '[Adam] parameter 1 is no Parameter but "head.bias"',
      passParameters,
      () => new Adam([weight, "head.bias"] as never),
    ],
    [
      "[SGD] parameter head.weight [2, 3] is given twice",
      "Leave it out of one of the groups",
      () => new SGD([{ params: [weight, bias] }, { params: [weight] }], { lr: 0.1 }),
    ],
    [
      "[SGD] item 1 is no group, but others are",
      "Put it in a group { params: [...] }",
      () => new SGD([{ params: [weight] }, bias] as never, { lr: 0.1 }),
    ],
  ]);
});

describe("chains", () => {
  const rate = scaleByRate(0.1);
  const isMatrix = ({ rank }: Variable) => rank > 1;
  check(ConfigError, [
    ["[chain] got no steps", "Pass at least scaleByRate(lr)", () => chain()],
    ['[chain] rules must be a step, a chain or a partition, got "adam"', undefined, () => chain("adam" as never)],
    [
      "[chain] rules must be a step, a chain or a partition, got the function scaleByAdam",
      "Did you mean scaleByAdam(…)?",
      () => chain(scaleByAdam as never),
    ],
    [
      "[chain] scaleByRate follows limitNorms, which works on updated parameters",
      "Put limitNorms last",
      () => chain(limitNorms(1), rate),
    ],
    [
      "[chain] a partition follows lookahead, which works on updated parameters",
      "Put lookahead last",
      () => chain(partition({ all: chain(rate, lookahead()) }), partition({ all: scaleByAdam() })),
    ],
    [
      "[SAM] step needs a closure, since sharpnessAware computes the gradients at displaced parameters",
      "Write step(() => { …; loss.backward(); return loss; })",
      () => new SAM([weight]).step(),
    ],
    [
      "[step] the closure is asynchronous",
      "Compute the loss and call backward without await",
      () => new SAM([weight]).step(async () => undefined),
    ],
    ["[step] closure must be a function, got 3", "Write step(() => loss)", () => new SGD([weight]).step(3 as never)],
    ...(["step", "stateDict"] as const).map((op): Failure => {
      const optimizer = new ScheduleFreeSGD([weight]);
      return [
        `[ScheduleFreeSGD] ${op} was called while the parameters have their evaluation values`,
        "Call optimizer.train() first",
        () => {
          optimizer.eval();
          return optimizer[op]();
        },
      ];
    }),
    [
      "[chain] coupledDecay and decoupledDecay both have a hyper-parameter weightDecay",
      "Leave one of them out",
      () => chain(coupledDecay(0.1), scaleByAdam(), decoupledDecay(0.1)),
    ],
    ["[partition] got no parts", "Pass { name: [takes, chain(…)] }", () => partition({})],
    ["[partition] the name a.b has a dot", "Names are joined by dots", () => partition({ "a.b": rate })],
    [
      "[partition] all takes all parameters, so that the parts behind it get none",
      "Put it last",
      () => partition({ all: rate, matrices: [isMatrix, rate] }),
    ],
    [
      "[Optimizer] no part takes head.bias [3]",
      "End the partition with a part for the rest",
      () => new Optimizer([weight, bias], partition({ matrices: [isMatrix, rate] })),
    ],
    [
      "[Optimizer] the part matrices takes no parameter",
      "Leave it out",
      () => new Optimizer([bias], partition({ matrices: [isMatrix, rate], rest: rate })),
    ],
    [
      "[Optimizer] two steps keep state named momentum_buffer",
      "Leave one of them out",
      () =>
        new Optimizer([weight], chain(scaleByMomentum(0.9), partition({ all: chain(averageGradients(0.9), rate) }))),
    ],
    [
      "[Optimizer] there is no hyper-parameter momentum",
      "There are lr; other steps need another optimizer",
      () => new Optimizer([weight], rate).set({ momentum: 0.9 }),
    ],
    [
      '[SGD] lr must be a finite number ≥ 0, got "fast"',
      undefined,
      () => new SGD([weight], { lr: 0.1 }).set({ lr: "fast" as never }),
    ],
    [
      "[Optimizer] matrices.lr must be a finite number ≥ 0, got -1",
      undefined,
      () => new Optimizer([weight], partition({ matrices: [isMatrix, rate] })).set({ lr: -1 }),
    ],
    ["[Optimizer] the chain has no lr", "Add scaleByRate(lr)", () => new Optimizer([weight], clipByValue(1)).lr],
    ["[clipByNorm] maxNorm must be a finite number > 0 or a schedule, got 0", undefined, () => clipByNorm(0)],
    [
      "[Optimizer] maxNorm must be a finite number > 0, got 0",
      undefined,
      () =>
        new Optimizer(
          [weight],
          clipByNorm(() => 0),
        ),
    ],
    [
      "[clipByNorm] got 0 arguments, but needs maxNorm, " + "a finite number > 0 or a schedule",
      "Write clipByNorm(maxNorm)",
      () => (clipByNorm as () => unknown)(),
    ],
    [
      '[accumulate] reduction must be one of "mean", "sum", got "average"',
      undefined,
      () => accumulate(2, { reduction: "average" as never }),
    ],
    [
      "[SGD] params must be parameters or groups of them, got { parameters }",
      "Did you mean model.parameters()?",
      () => new SGD({ parameters: () => [weight] } as never, { lr: 0.1 }),
    ],
    [
      "[SGD] params must be parameters or groups of them, got a Linear",
      "Did you mean model.parameters()?",
      () => new SGD(new Linear(2, 2) as never, { lr: 0.1 }),
    ],
    [
      "[AdamW] all parameters are frozen",
      "Unfreeze what is to be trained",
      () => new AdamW([new Variable(zeros([2]))]),
    ],
  ]);
});

describe("settings", () => {
  check(ConfigError, [
    ["[SGD] lr must be a finite number ≥ 0 or a schedule, got -1", undefined, () => new SGD([weight], { lr: -1 })],
    ["[SGD] lr must be a finite number ≥ 0, got NaN", undefined, () => new SGD([weight], { lr: () => Number.NaN })],
    [
      "[SGD] lr must be a finite number ≥ 0, got NaN",
      undefined,
      () => {
        new SGD([weight], { lr: 1 }).lr = Number.NaN;
      },
    ],
    [
      "[SGD] momentum must be a number ≥ 0 and < 1 or a schedule, got 9",
      undefined,
      () => new SGD([weight], { lr: 0.1, momentum: 9 }),
    ],
    [
      "[SGD] nesterov needs momentum > 0 and dampening 0, got momentum 0, dampening 0",
      "Set momentum: 0.9, or leave nesterov out",
      () => new SGD([weight], { lr: 0.1, nesterov: true }),
    ],
    [
      '[SGD] unknown option "weight_decay"',
      "Did you mean weightDecay?",
      () => new SGD([weight], { lr: 0.1, weight_decay: 0.1 } as never),
    ],
    [
      "[AdamW] weightDecay must be a finite number ≥ 0 or a schedule, got -2",
      undefined,
      () => new AdamW([{ params: [weight], weightDecay: -2 }], { weightDecay: 0 }),
    ],
    [
      '[SGD] unknown option "lrFactor"',
      "Options are lr, momentum, dampening, weightDecay, nesterov",
      () => new SGD([{ params: [weight], lrFactor: 2 } as never], { lr: 0.1 }),
    ],
    [
      "[AdamW] weightDecay must be a finite number ≥ 0 or a schedule, got -0.1",
      undefined,
      () => new AdamW([{ params: [weight], weightDecay: -0.1 }]),
    ],
    [
      "[Adam] betas must be a pair, each a number ≥ 0 and < 1 or a schedule, got [0.9, 1]",
      undefined,
      () => new Adam([weight], { betas: [0.9, 1] }),
    ],
    ["[Adam] eps must be a finite number ≥ 0 or a schedule, got -1", undefined, () => new Adam([weight], { eps: -1 })],
  ]);
});

describe("states", () => {
  beforeAll(() => useDevice("interp"));
  const hint = "Make the optimizer with the parameters and options that it was saved with";
  const momentum = () => new SGD([weight, bias], { lr: 0.1, momentum: 0.9 });
  const steps = new Int32Array([3]);
  const hypers = {
    "hypers.momentum": new Float32Array([0.9, 0, 0.1, 0, -0.1, 0]),
    "hypers.lr": new Float32Array([1, 0, 0, 0, 0, 0]),
  };
  check(DataError, [
    [
      "[loadStateDict] missing keys: state.head.weight.momentum_buffer, state.head.bias.momentum_buffer",
      hint,
      () => momentum().loadStateDict({ steps, ...hypers }),
    ],
    [
      "[loadStateDict] missing keys: steps, hypers.lr; unexpected keys: state.0.exp_avg",
      hint,
      () => new SGD([weight], { lr: 0.1 }).loadStateDict({ "state.0.exp_avg": new Float32Array(6) }),
    ],
    [
      "[loadStateDict] tensors instead of saved values: steps, hypers.momentum, hypers.lr, " +
        "state.head.weight.momentum_buffer, state.head.bias.momentum_buffer",
      "Read the values first: await tensor.data()",
      () => momentum().loadStateDict(momentum().stateDict() as never),
    ],
  ]);
  check(ShapeError, [
    [
      "[loadStateDict] shapes differ: state.head.weight.momentum_buffer needs [2, 3], got 5 values; " +
        "state.head.bias.momentum_buffer needs [3], got [1, 3]",
      hint,
      () =>
        momentum().loadStateDict({
          steps,
          ...hypers,
          "state.head.weight.momentum_buffer": new Float32Array(5),
          "state.head.bias.momentum_buffer": { shape: [1, 3], data: new Float32Array(3) },
        }),
    ],
  ]);
});

describe("schedules", () => {
  check(ConfigError, [
    ["[constant] value must be a finite number ≥ 0, got -1", undefined, () => constant(-1)],
    ["[stepDecay] stepSize must be a whole number ≥ 1, got 0", undefined, () => stepDecay(0.1, 0)],
    ["[stepDecay] gamma must be a finite number ≥ 0, got -0.5", undefined, () => stepDecay(0.1, 1, { gamma: -0.5 })],
    [
      "[stepDecay] got 0.5 as its third argument",
      "Did you mean stepDecay(0.1, 30, { gamma: 0.5 })?",
      () => (stepDecay as (...args: number[]) => unknown)(0.1, 30, 0.5),
    ],
    [
      "[multiStep] milestones must be an array of whole numbers ≥ 0 that ascend, got [5, 3]",
      "Did you mean [3, 5]?",
      () => multiStep(0.1, [5, 3]),
    ],
    [
      "[multiStep] milestones must be an array of whole numbers ≥ 0 that ascend, got [1.5]",
      undefined,
      () => multiStep(0.1, [1.5]),
    ],
    ["[cosine] totalSteps must be a whole number ≥ 1, got 0", undefined, () => cosine(0.1, 0)],
    ["[cosine] min 0.2 is above the value 0.1", "Swap them", () => cosine(0.1, 10, { min: 0.2 })],
    [
      "[trapezoid] warmupSteps 6 and decaySteps 5 are more than totalSteps 10",
      "Shorten them, or train longer",
      () => trapezoid(0.1, 10, { warmupSteps: 6, decaySteps: 5 }),
    ],
    [
      "[sequence] parts must be an array of [schedule, steps], the last one [schedule], got [[the function without a name, 5]]",
      undefined,
      () => sequence([[(step) => step, 5]]),
    ],
    [
      "[piecewise] points must be an array of points [step, value] whose steps ascend, with values ≥ 0, got [[5, 1], [5, 2]]",
      undefined,
      () =>
        piecewise([
          [5, 1],
          [5, 2],
        ]),
    ],
    ["[Plateau] factor must be a number ≥ 0 and < 1, got 1", "Try 0.5", () => new Plateau(0.1, { factor: 1 })],
    ["[cosine] min 1 is above the value 0.1", "Swap them", () => cosine(0.1, 10, { min: 1 })],
  ]);
});

describe("a registry", () => {
  check(ConfigError, [
    ['[optimizer] there is no optimizer "addam"', "Did you mean adam?", () => optimizers.get("addam")],
    ['[schedule] there is no schedule "x"', `Choose one of ${schedules.names.join(", ")}`, () => schedules.get("x")],
  ]);
});
