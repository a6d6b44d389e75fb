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
export type { AvgPoolOptions, ConvOptions, PoolOptions, Size2d } from "./contract.js";
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
export { avgPool2d, type Conv2dOptions, conv2d, maxPool2d } from "./functions.js";
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
export type { ValuesAndIndices } from "./methods/sorting.js";
export type * from "./options.js";
export { type FunctionProfile, type KernelProfile, type ProfileOptions, profile } from "./profile.js";
export { Generator, type GeneratorOptions, type NormalOptions, type UniformOptions } from "./random.js";
export { realize } from "./realize.js";
export {
  Tensor,
  type TensorLike,
} from "./tensor.js";
export { Parameter, type ParameterOptions, Variable, type VariableOptions } from "./variable.js";
