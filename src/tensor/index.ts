/** The tensor layer: tensors, variables, gradients, compiled functions, random streams. */
export type { DType, TypedArray } from "../ir/dtype.js";
export type { KernelWork } from "../ir/program.js";
export { memoryStats } from "../runtime/index.js";
export type { Origin, Role } from "../util/scope.js";
export { HostValue, isGradEnabled, noGrad } from "./cells.js";
export { beforeEachCall, type CompileOptions, compile, isTracing } from "./compile.js";
export {
  Context,
  type ContextOptions,
  currentContext,
  currentDevice,
  perContext,
  programCount,
  useDevice,
  withContext,
} from "./context.js";
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type Conv3dOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "./convolution-functions.js";
export {
  arange,
  concat,
  eye,
  full,
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
export { type CustomGradientOptions, checkpoint, customGradient } from "./custom.js";
export { hessian, jacobian, jvp, vjp } from "./derivatives.js";
export { type DeviceOptions, registerDevice } from "./devices.js";
export { einsum } from "./einsum.js";
export { multiplyAdds } from "./flops.js";
export type { Nested } from "./format.js";
export { type GradOptions, grad } from "./grad.js";
export {
  type CheckedElement,
  type GradcheckOptions,
  type GradcheckReport,
  gradcheck,
  gradgradcheck,
} from "./gradcheck.js";
export { linspace, type MeshgridOptions, meshgrid } from "./grids.js";
export type { HostArray, NestedValues } from "./host.js";
export * as linalg from "./linalg/index.js";
export type { ValuesAndIndices } from "./methods/sorting.js";
export type * from "./options.js";
export {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
} from "./pooling-functions.js";
export { type FunctionProfile, type KernelProfile, type ProfileOptions, profile } from "./profile.js";
export { Generator, type GeneratorOptions, type NormalOptions, type UniformOptions } from "./random.js";
export { realize } from "./realize.js";
export type { Padding1d, Padding2d, Padding3d, Side, Size1d, Size2d, Size3d } from "./sizes.js";
export {
  Tensor,
  type TensorLike,
} from "./tensor.js";
export { Parameter, type ParameterOptions, Variable, type VariableOptions } from "./variable.js";
