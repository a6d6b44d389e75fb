/** Programs that must fail, with their exact messages: what is wrong, where, and what to do about it. */
import { describe, expect, it } from "vitest";
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  ClassSampler,
  Conv2d,
  countParameters,
  Dropout,
  functional as F,
  HierarchicalSoftmax,
  HuberLoss,
  init,
  Linear,
  MaxPool2d,
  Module,
  MSELoss,
  manualSeed,
  ReLU,
  record,
  Sequential,
  summary,
} from "../../src/nn/index.js";
import { Generator, ones, Parameter, type Tensor, tensor, Variable, zeros } from "../../src/tensor/index.js";
import { ConfigError, DataError, DTypeError, FoveaError, ShapeError } from "../../src/util/errors.js";

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

/** What plain JavaScript can write: an abstract member that is not there. */
class Shell extends (Module as unknown as new () => Knot) {}

class Knot extends Module {
  self: Module = this;
  override forward(x: Tensor): Tensor {
    return x;
  }
}

class Twins extends Module {
  readonly myScale = new Parameter(ones([1]));
  readonly my_scale = new Parameter(ones([1]));
  override forward(x: Tensor): Tensor {
    return x;
  }
}

const images = zeros([8, 1, 28, 28]);
const labels = zeros([2], { dtype: "i32" });
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, ones([1])]));

describe("options out of range", () => {
  check(ConfigError, [
    ["[Linear] inFeatures must be a whole number ≥ 1, got 0", undefined, () => new Linear(0, 3)],
    ["[Linear] outFeatures must be a whole number ≥ 1, got 2.5", undefined, () => new Linear(3, 2.5)],
    ["[Conv2d] outChannels must be a whole number ≥ 1, got NaN", undefined, () => new Conv2d(1, Number.NaN, 3)],
    ["[Conv2d] kernelSize must be a whole number ≥ 1 or a pair of them, got 0", undefined, () => new Conv2d(1, 1, 0)],
    [
      '[Conv2d] padding must be a whole number ≥ 0 or a pair of them, a [before, after] pair for each axis, "same" or "valid", got [1, -1]',
      undefined,
      () => new Conv2d(1, 1, 3, { padding: [1, -1] }),
    ],
    [
      "[Conv2d] groups 4 must divide inChannels 6 and outChannels 12",
      "Choose groups from 1, 2, 3, 6",
      () => new Conv2d(6, 12, 3, { groups: 4 }),
    ],
    ["[BatchNorm2d] numFeatures must be a whole number ≥ 1, got -3", undefined, () => new BatchNorm2d(-3)],
    [
      "[BatchNorm1d] momentum must be a number between 0 and 1 or null, got 2",
      undefined,
      () => new BatchNorm1d(2, { momentum: 2 }),
    ],
    ["[BatchNorm1d] eps must be a finite number ≥ 0, got -1", undefined, () => new BatchNorm1d(2, { eps: -1 })],
    ["[Dropout] p must be a number between 0 and 1, got 1.5", undefined, () => new Dropout({ p: 1.5 })],
    [
      "[MaxPool2d] padding [2, 2] is more than half of kernelSize [3, 3]",
      "Use padding of at most 1",
      () => new MaxPool2d(3, { padding: 2 }),
    ],
    [
      "[AvgPool2d] stride must be a whole number ≥ 1 or a pair of them, got 0",
      undefined,
      () => new AvgPool2d(2, { stride: 0 }),
    ],
    [
      "[AdaptiveAvgPool2d] outputSize must be a whole number ≥ 1 or null, or a pair of them, got [1, 0]",
      undefined,
      () => new AdaptiveAvgPool2d([1, 0]),
    ],
    [
      "[Sequential] argument 1 is no Module but a function",
      "Pass layers such as new ReLU(); functions go into a Module's forward",
      () => new Sequential(new ReLU(), F.relu as never),
    ],
    ["[manualSeed] seed must be a whole number ≥ 0, got 0.5", undefined, () => manualSeed(0.5)],
    [
      "[fans] a weight needs the axes [out, in, ...kernel], got [5]",
      "Initialise vectors with zeros, ones or Generator.uniform",
      () => init.kaimingNormal([5]),
    ],
    [
      '[kaimingUniform] mode must be one of "fanIn", "fanOut", got "fan_in"',
      undefined,
      () => init.kaimingUniform([2, 2], { mode: "fan_in" as never }),
    ],
    [
      '[crossEntropy] reduction must be one of "mean", "sum", "none", got "avg"',
      undefined,
      () => F.crossEntropy(zeros([2, 3]), labels, { reduction: "avg" as never }),
    ],
    [
      "[crossEntropy] labelSmoothing must be a number between 0 and 1 or a tensor, got -0.1",
      undefined,
      () => F.crossEntropy(zeros([2, 3]), labels, { labelSmoothing: -0.1 }),
    ],
    [
      "[dropout] p must be a number between 0 and 1, got NaN",
      undefined,
      () => F.dropout(images, new Generator(1), { p: Number.NaN }),
    ],
    [
      "[batchNorm] got one of runningMean and runningVar",
      "Pass both or neither",
      () => F.batchNorm(images, { runningMean: new Variable(zeros([1])) }),
    ],
  ]);
});

describe("calls that plain JavaScript lets through", () => {
  const model = new Sequential(new ReLU());
  const layers = [new ReLU()];
  /** The class or function without its types. */
  const plain = <T>(value: T): (new (...args: unknown[]) => unknown) => value as never;
  const call = (name: keyof Sequential, ...args: unknown[]) => {
    return () => (model[name] as (...args: unknown[]) => unknown).apply(model, args);
  };
  check(ConfigError, [
    [
      "[Conv2d] got 2 as its fourth argument",
      "Did you mean new Conv2d(1, 1, 3, { stride: 2 })?",
      () => new (plain(Conv2d))(1, 1, 3, 2, 1),
    ],
    ['[Conv2d] unknown option "pad"', "Did you mean padding?", () => new (plain(Conv2d))(1, 1, 3, { pad: 1 })],
    [
      "[Conv2d] kernelSize must be a whole number ≥ 1 or a pair of them, got undefined",
      "Is a variable not set, or a return missing?",
      () => new (plain(Conv2d))(1, 1),
    ],
    [
      "[Linear] got false as its third argument",
      "Did you mean new Linear(2, 3, { bias: false })?",
      () => new (plain(Linear))(2, 3, false),
    ],
    [
      "[Dropout] got 0.2 as its first argument",
      "Did you mean new Dropout({ p: 0.2 })?",
      () => new (plain(Dropout))(0.2),
    ],
    [
      "[BatchNorm2d] got 0.001 as its second argument",
      "Did you mean new BatchNorm2d(4, { eps: 0.001 })?",
      () => new (plain(BatchNorm2d))(4, 0.001),
    ],
    ["[ReLU] got true as its first argument", "Write new ReLU()", () => new (plain(ReLU))(true)],
    [
      "[AdaptiveAvgPool2d] got 1 as its second argument",
      "Write new AdaptiveAvgPool2d(outputSize)",
      () => new (plain(AdaptiveAvgPool2d))(1, 1),
    ],
    [
      "[Sequential] argument 0 is no Module but an array",
      "Write new Sequential(...layers)",
      () => new (plain(Sequential))(layers),
    ],
    ['[train] mode must be true or false, got "eval"', undefined, call("train", "eval")],
    ['[freeze] filter must be a function, got "0"', undefined, call("freeze", "0")],
    ["[parameters] got true as its first argument", "Write parameters()", call("parameters", true)],
    [
      "[loadStateDict] got false as its second argument",
      "Did you mean loadStateDict(state, { strict: false })?",
      call("loadStateDict", {}, false),
    ],
    [
      "[record] paths must be an array of paths, got a ReLU",
      undefined,
      () => record(model, new ReLU() as never, () => 0),
    ],
    ["[countParameters] module must be a module, got []", undefined, () => countParameters([] as never)],
  ]);
});

describe("inputs that do not fit", () => {
  check(ShapeError, [
    [
      "[summary] inputShape must be an array of sizes, got 3 arguments",
      "Did you mean summary(model, [1, 2, 3])?",
      () => (summary as (...args: unknown[]) => unknown)(new ReLU(), 1, 2, 3),
    ],
    [
      "[conv2d] expected 3 input channels, got x [8, 1, 28, 28] (in model.0)",
      "Give the layer 1 input channel, or correct the input",
      () => new Sequential(new Conv2d(3, 8, 3))(images),
    ],
    [
      "[conv2d] expected 3 input channels, got x [8, 28, 28, 3] (in model)",
      "The channels seem to come last: move that axis to place 1 with x.permute",
      () => new Conv2d(3, 8, 3)(zeros([8, 28, 28, 3])),
    ],
    [
      "[conv2d] expected x of rank 4 [N, C, H, W], got x [3, 28, 28] (in model)",
      "Add the batch axis with x.unsqueeze(0)",
      () => new Conv2d(3, 8, 3)(zeros([3, 28, 28])),
    ],
    [
      "[maxPool2d] expected x of rank 4 [N, C, H, W], got x [8, 784] (in model.1)",
      "Reshape x to images: x.reshape([N, C, H, W])",
      () => new Sequential(new ReLU(), new MaxPool2d(2))(zeros([8, 784])),
    ],
    [
      "[linear] expected 784 features in the last axis, got x [8, 1, 28, 28] (in model.0)",
      "Flatten the input first: nn.Flatten, or x.flatten({ startDim: 1 })",
      () => new Sequential(new Linear(784, 10))(images),
    ],
    [
      "[linear] expected 64 features in the last axis, got x [8, 32] (in model.1)",
      "Give the layer before it as many outputs, or this one as many inputs",
      () => new Sequential(new Linear(784, 32), new Linear(64, 10))(zeros([8, 784])),
    ],
    [
      "[linear] expected a weight [M, K], got weight [4]",
      "Reshape the weight",
      () => F.linear(zeros([2, 4]), zeros([4])),
    ],
    [
      "[linear] expected a bias [3], got bias [4]",
      "Give the bias one value per output",
      () => F.linear(zeros([2, 4]), zeros([3, 4]), { bias: zeros([4]) }),
    ],
    [
      "[batchNorm2d] expected 4 input channels, got x [8, 1, 28, 28] (in model)",
      "Give the layer 1 input channel, or correct the input",
      () => new BatchNorm2d(4)(images),
    ],
    [
      "[batchNorm1d] expected x [N, C] or [N, C, L], got x [8, 1, 28, 28] (in model)",
      "Images need BatchNorm2d",
      () => new BatchNorm1d(1)(images),
    ],
    [
      "[batchNorm] training needs more than one value per channel, got x [1, 4] (in model)",
      "Use larger batches (drop the last, incomplete one), or eval()",
      () => new BatchNorm1d(4)(zeros([1, 4])),
    ],
    [
      "[batchNorm] expected weight [1] for x [8, 1, 28, 28], got weight [2]",
      "Use one value per channel",
      () => F.batchNorm(images, { weight: ones([2]) }),
    ],
    [
      "[batchNorm] expected x of rank 2 or more [N, C, ...], got x [5]",
      "Add the batch axis with x.unsqueeze(0)",
      () => F.batchNorm(zeros([5])),
    ],
    [
      "[crossEntropy] expected logits [N, K], got logits [3]",
      "Add the batch axis with logits.unsqueeze(0)",
      () => F.crossEntropy(zeros([3]), labels),
    ],
    [
      "[crossEntropy] expected targets [4] for logits [4, 3], got targets [2]",
      "Give each row one class index",
      () => F.crossEntropy(zeros([4, 3]), labels),
    ],
    [
      "[accuracy] expected targets [2] for logits [2, 3], got targets [2, 1]",
      "Reshape the targets",
      () => F.accuracy(zeros([2, 3]), labels.reshape([2, 1])),
    ],
    [
      "[mseLoss] shapes differ: x [4, 1], target [4]",
      "Did you mean target.reshape(x.shape)?",
      () => F.mseLoss(zeros([4, 1]), zeros([4])),
    ],
    [
      "[mseLoss] shapes differ: x [4, 1], target [1]",
      "Make target as large as x",
      () => F.mseLoss(zeros([4, 1]), zeros([1])),
    ],
  ]);
});

describe("targets that are no class", () => {
  const targets = tensor([0, 3], { dtype: "i32" });
  const strange = "the target 3 at position 1 is not one of the 3 classes 0 to 2";
  const hint = "Number the classes from 0, or give the model more outputs";
  check(DataError, [
    [`[crossEntropy] ${strange}`, hint, () => F.crossEntropy(zeros([2, 3]), targets)],
    [`[nllLoss] ${strange}`, hint, () => F.nllLoss(zeros([2, 3]), targets)],
    [`[focalLoss] ${strange}`, hint, () => F.focalLoss(zeros([2, 3]), targets)],
    [`[multiMarginLoss] ${strange}`, hint, () => F.multiMarginLoss(zeros([2, 3]), targets)],
    [
      `[multilabelMarginLoss] ${strange.replace("3", "-2").replace("at position 1", "at position 0")}`,
      hint,
      () => F.multilabelMarginLoss(zeros([1, 3]), tensor([[-2, 0, 1]], { dtype: "i32" })),
    ],
    [
      "[chainCrfLoss] the target 2 at position 4 is not one of the 2 classes 0 to 1",
      hint,
      () =>
        F.chainCrfLoss(
          zeros([2, 3, 2]),
          zeros([2, 2]),
          tensor(
            [
              [0, 1, 1],
              [0, 2, 0],
            ],
            { dtype: "i32" },
          ),
        ),
    ],
    [
      "[ctcLoss] the label 0 at [1, 0] is the blank",
      "Number the labels from 0, and leave out the blank",
      () =>
        F.ctcLoss(
          zeros([3, 2, 4]),
          tensor(
            [
              [1, 2],
              [0, 9],
            ],
            { dtype: "i32" },
          ),
          [3, 3],
          [2, 1],
        ),
    ],
    [
      "[ctcLoss] inputLengths[1] is 4, not between 0 and 3",
      "Lengths are numbers of positions",
      () =>
        F.ctcLoss(
          zeros([3, 2, 4]),
          tensor(
            [
              [1, 2],
              [1, 9],
            ],
            { dtype: "i32" },
          ),
          [3, 4],
          [2, 1],
        ),
    ],
    [
      "[gaussianNllLoss] got a negative variance, -2",
      "Predict its logarithm, and take exp",
      () => F.gaussianNllLoss(zeros([1, 2]), zeros([1, 2]), tensor([[1, -2]])),
    ],
  ]);
});

describe("options and shapes of losses that do not fit", () => {
  check(ConfigError, [
    [
      "[crossEntropy] ignoreIndex has no meaning for targets that are probabilities",
      "Leave it out",
      () => F.crossEntropy(zeros([2, 3]), zeros([2, 3]), { ignoreIndex: 1 }),
    ],
    [
      "[ctcLoss] blank is 4, but there are 4 classes",
      "Number them from 0",
      () => F.ctcLoss(zeros([3, 1, 4]), tensor([[1]], { dtype: "i32" }), [3], [1], { blank: 4 }),
    ],
    [
      "[HierarchicalSoftmax] got the count -1",
      "Counts are finite and not negative",
      () => new HierarchicalSoftmax(2, [3, -1]),
    ],
    [
      "[ClassSampler] got no count above 0",
      "Give at least one class a count",
      () => new ClassSampler([0, 0], new Generator(1)),
    ],
    [
      "[histogramLoss] high must be above low, got 1 to 1",
      "Give the range of the targets",
      () => F.histogramLoss(zeros([2, 4]), zeros([2]), { low: 1, high: 1 }),
    ],
    [
      "[binExpectation] needs the option high, a finite number",
      "Write binExpectation(logits, { low, high })",
      () => F.binExpectation(zeros([2, 4]), { low: 1 } as never),
    ],
    [
      "[multiMarginLoss] p must be 1 or 2, got 3",
      undefined,
      () => F.multiMarginLoss(zeros([2, 3]), labels, { p: 3 as never }),
    ],
    ["[HuberLoss] delta must be a finite number > 0, got 0", undefined, () => new HuberLoss({ delta: 0 })],
    [
      '[MSELoss] unknown option "size_average"',
      "Options are reduction",
      () => new MSELoss({ size_average: true } as never),
    ],
    [
      "[mseLoss] got 1 argument, but needs target, a tensor (in model)",
      "Write mseLoss(x, target, { reduction })",
      () => new MSELoss()(...([zeros([2])] as unknown as [Tensor, Tensor])),
    ],
  ]);
  check(ShapeError, [
    [
      "[crossEntropy] expected weight [3] for logits [2, 3], got weight [2]",
      "Use one weight per class",
      () => F.crossEntropy(zeros([2, 3]), labels, { weight: ones([2]) }),
    ],
    [
      "[binaryCrossEntropyWithLogits] posWeight [2] does not broadcast to the losses [2, 3]",
      "Sizes must be equal or 1, counted from the last axis",
      () => F.binaryCrossEntropyWithLogits(zeros([2, 3]), zeros([2, 3]), { posWeight: ones([2]) }),
    ],
    [
      "[diceLoss] expected x [N, C, ...], got x [2, 3]",
      "Give the pixels axes of their own, such as x.reshape([N, 1, pixels])",
      () => F.diceLoss(zeros([2, 3]), zeros([2, 3])),
    ],
    [
      "[gaussianNllLoss] variance [3] does not fit x [2, 3]",
      "Give one variance per element, or one per row",
      () => F.gaussianNllLoss(zeros([2, 3]), zeros([2, 3]), ones([3])),
    ],
    [
      "[tripletMarginLoss] shapes differ: anchor [2, 3], negative [3, 2]",
      "Did you mean negative.reshape(anchor.shape)?",
      () => F.tripletMarginLoss(zeros([2, 3]), zeros([2, 3]), zeros([3, 2])),
    ],
  ]);
});

describe("targets of another dtype", () => {
  check(DTypeError, [
    [
      "[crossEntropy] expected class indices of dtype i32, got targets f32",
      'Use targets.to("i32")',
      () => F.crossEntropy(zeros([2, 3]), zeros([2])),
    ],
    [
      "[nllLoss] expected class indices of dtype i32, got targets f32",
      "Turn one-hot rows into indices with targets.argmax({ dim: 1 })",
      () => F.nllLoss(zeros([2, 3]), zeros([2, 3])),
    ],
    ["[supCon] expected labels of dtype i32, got f32", 'Use .to("i32")', () => F.supCon(zeros([2, 3]), zeros([2]))],
    [
      "[accuracy] expected class indices of dtype i32, got targets u8",
      'Use targets.to("i32")',
      () => F.accuracy(zeros([2, 3]), tensor(new Uint8Array(2))),
    ],
  ]);
});

describe("trees that cannot be", () => {
  check(ConfigError, [
    ["[Shell] has no method forward", "Define forward(x), which returns the output", () => new Shell()(ones([1]))],
    [
      "[module] self is the module Knot that contains it",
      "Keep a back reference in a #private field, which the tree does not see",
      () => new Knot().parameters(),
    ],
    ["[stateDict] two fields have the key my_scale", "Rename one of them", () => new Twins().stateDict()],
  ]);
});

describe("states that do not fit", () => {
  const hint = "Check that it was saved from the same architecture, or pass strict: false to load what fits";
  check(DataError, [
    [`[loadStateDict] missing keys: weight, bias`, hint, () => new Linear(2, 3).loadStateDict({})],
    [
      `[loadStateDict] missing keys: 0.bias; unexpected keys: 0.b, 1.weight`,
      hint,
      () =>
        new Sequential(new Linear(1, 1)).loadStateDict({
          "0.weight": ones([1, 1]),
          "0.b": ones([1]),
          "1.weight": ones([1]),
        }),
    ],
    [
      `[loadStateDict] unexpected keys: k0, k1, k2, k3, k4, k5 and 2 more`,
      hint,
      () => new ReLU().loadStateDict(many(8)),
    ],
  ]);
  check(ShapeError, [
    [
      "[loadStateDict] shapes differ: weight needs [3, 2], got [2, 3]; bias needs [3], got 4 values",
      "Build the model with its saved sizes, or leave these keys out and pass strict: false",
      () => new Linear(2, 3).loadStateDict({ weight: ones([2, 3]), bias: new Float32Array(4) }),
    ],
    [
      "[loadStateDict] shapes differ: bias needs [3], got 2 values",
      "Build the model with its saved sizes, or leave these keys out and pass strict: false",
      () => new Linear(2, 3).loadStateDict({ weight: ones([3, 2]), bias: { shape: [3], data: [1, 2] } }),
    ],
  ]);
});
