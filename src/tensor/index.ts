/** The tensor layer: tensors, variables, gradients, compiled functions, random streams. */
export type { DType, TypedArray } from "../ir/dtype.js";
export type { KernelWork } from "../ir/program.js";
export { memoryStats } from "../runtime/index.js";
export type { Origin, Role } from "../util/scope.js";
export { HostValue, isGradEnabled, noGrad } from "./cells.js";
export { beforeEachCall, compile, isTracing } from "./compile.js";
export type { ConvOptions, PoolOptions, Size2d } from "./contract.js";
export {
  arange,
  concat,
  type DTypeOptions,
  eye,
  full,
  type JoinOptions,
  oneHot,
  ones,
  onesLike,
  stack,
  type TensorOptions,
  tensor,
  where,
  zeros,
  zerosLike,
} from "./create.js";
export { multiplyAdds } from "./flops.js";
export type { Nested } from "./format.js";
export { avgPool2d, conv2d, maxPool2d } from "./functions.js";
export { type GradOptions, grad } from "./grad.js";
export type { HostArray, NestedValues } from "./host.js";
export { type FunctionProfile, type KernelProfile, type ProfileOptions, profile } from "./profile.js";
export { Generator } from "./random.js";
export { currentDevice, programCount, registerDevice, useDevice } from "./session.js";
export {
  type ClampOptions,
  type PositionOptions,
  type ReduceOptions,
  realize,
  Tensor,
  type TensorLike,
  type VarianceOptions,
} from "./tensor.js";
export { Parameter, type ParameterOptions, Variable, type VariableOptions } from "./variable.js";
