/**
 * What the op names of the references mean in Fovea, through the public API. It knows nothing of files or tolerances.
 */
import { functional } from "../../src/nn/index.js";
import { type Tensor, Variable, where } from "../../src/tensor/index.js";

type Inputs = Readonly<Record<string, Tensor>>;
type Options = Readonly<Record<string, unknown>>;
/** Gives the result `y`, or several by name. */
type Operation = (inputs: Inputs, options: Options) => Tensor | Readonly<Record<string, Tensor>>;

const UNARY = [
  ...(["neg", "abs", "sign", "floor", "ceil", "round", "square", "reciprocal", "sqrt", "rsqrt", "relu"] as const),
  ...(["exp", "log", "tanh", "erf", "sigmoid", "sin", "cos"] as const),
];
const BINARY = [
  ...(["add", "sub", "mul", "div", "pow", "mod", "maximum", "minimum"] as const),
  ...(["eq", "ne", "lt", "le", "gt", "ge", "matmul"] as const),
];
const ALONG_AXES = [...(["sum", "mean", "max", "min", "prod", "variance", "argmax", "argmin"] as const)];

function batchNorm({ x, weight, bias, ...running }: Inputs, options: Options): Record<string, Tensor> {
  const runningMean = new Variable(running.runningMean);
  const runningVar = new Variable(running.runningVar);
  const y = functional.batchNorm(x, { weight, bias, runningMean, runningVar, ...options });
  return { y, runningMean, runningVar };
}

/** Operations by name. The options are passed on as they are stored: they are spelled as in the API. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...Object.fromEntries(UNARY.map((name): [string, Operation] => [name, ({ x }) => x[name]()])),
  ...Object.fromEntries(BINARY.map((name): [string, Operation] => [name, ({ a, b }) => a[name](b)])),
  ...Object.fromEntries(
    ALONG_AXES.map((name): [string, Operation] => [name, ({ x }, options) => x[name](options as never)]),
  ),
  softmax: ({ x }, { dim }) => x.softmax(dim as number),
  logSoftmax: ({ x }, { dim }) => x.logSoftmax(dim as number),
  clamp: ({ x }, options) => x.clamp(options),
  where: ({ condition, a, b }) => where(condition.eq(1), a, b),
  take: ({ x, indices }, { dim }) => x.take(indices, { dim: dim as number }),
  gather: ({ x, index }, { dim }) => x.gather(dim as number, index),
  linear: ({ x, weight, bias }) => functional.linear(x, weight, { bias }),
  conv2d: ({ x, weight, bias }, options) => functional.conv2d(x, weight, { bias, ...options }),
  maxPool2d: ({ x }, { kernelSize, ...options }) => functional.maxPool2d(x, kernelSize as number, options),
  avgPool2d: ({ x }, { kernelSize, ...options }) => functional.avgPool2d(x, kernelSize as number, options),
  adaptiveAvgPool2d: ({ x }, { outputSize }) => functional.adaptiveAvgPool2d(x, outputSize as number),
  batchNorm,
  crossEntropy: ({ logits, targets }, options) => functional.crossEntropy(logits, targets, options),
  mseLoss: ({ x, target }, options) => functional.mseLoss(x, target, options),
};
