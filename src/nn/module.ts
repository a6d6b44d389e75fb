/**
 * The base class of every layer and model: its fields are the tree of parameters, buffers and sub-modules, and that
 * tree gives PyTorch's state-dict keys. Its methods are in `module/`: each part is an abstract class that extends the
 * one before it. This file must not know any particular layer, nor any file format.
 */
import type { Generator, Tensor, Variable } from "../tensor/index.js";
import { checkMethods } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { inspectKey } from "../util/inspect.js";
import { spell } from "../util/spelling.js";
import { callModule } from "./module/call.js";
import { membersOf } from "./module/members.js";
import { ModuleMode, modeParameters } from "./module/mode.js";
import { stateParameters } from "./module/state.js";
import { isModule, treeParameters } from "./module/tree.js";
import { moduleText } from "./repr.js";

export { isMember, isModule } from "./module/tree.js";

/** A module of any inputs and outputs, for code that only walks the tree. */
export type AnyModule = Module<never[], unknown>;

/** The mode of a module: training or evaluation. */
export type Mode = "train" | "eval";

/** A predicate that chooses modules by their paths relative to the module it is passed to, whose own path is "". */
export type ModuleFilter = (path: string, module: AnyModule) => boolean;

/** The values that form the tree. */
export type Member = Variable | AnyModule | Generator;

/**
 * A differentiable function with parameters; `Module` alone means one tensor in, one tensor out.
 *
 * A subclass declares its parameters, buffers and sub-modules as ordinary fields and overrides `forward`; instances are
 * functions, so that callers write `model(x)`. It runs `forward` such that an error inside names the module by its
 * path, as in `(in model.head)`. Fields that are a `Parameter`, a `Variable` (a buffer), a `Module` or a `Generator`
 * form the tree, in the order of declaration, also within arrays, plain objects, maps and sets. Keys are PyTorch's:
 * field names in snake case, keys of objects and maps unchanged, positions in arrays and sets by number, joined by dots
 * (`blocks.0.running_mean`). Fields named with `#` are invisible to the tree.
 *
 * Models with other inputs or outputs declare them: `class Decoder extends Module<[x: Tensor, state: Tensor], [Tensor,
 * Tensor]>`.
 *
 * @throws ConfigError from the call if `forward` calls a module that is not in the tree although it has trainable
 * parameters, or buffers or random streams in training
 * @example
 * class Net extends Module {
 *   readonly hidden = new Linear(784, 128);
 *   readonly head = new Linear(128, 10);
 *   override forward(x: Tensor): Tensor {
 *     return this.head(this.hidden(x).relu());
 *   }
 * }
 * const logits = new Net()(zeros([32, 784])); // shape [32, 10]
 */
export abstract class Module<In extends unknown[] = [x: Tensor], Out = Tensor> extends ModuleMode<In, Out> {
  /** Takes no arguments: any that reach it were passed to a subclass that takes none, and are refused. */
  constructor(...none: readonly never[]) {
    super((instance, inputs) => callModule(instance as Module<unknown[], unknown>, inputs));
    if (none.length === 0) return;
    const { name } = this.constructor;
    throw configError(name, `got ${spell(none[0])} as its first argument`, `Write new ${name}()`);
  }

  /** Computes the output from the inputs. Override it; callers write `model(x)`. */
  abstract forward(...inputs: In): Out;

  /**
   * Lists of children that always run in sequence, each reading only the output of the one before. `Sequential` lists
   * all its children; a module with a `forward` of its own may override this for functions that work on neighbouring
   * layers, such as `foldBatchNorm`. Leaving out a list is always correct. Default: none.
   *
   * @example
   * class Block extends Module {
   *   readonly conv = new Conv2d(3, 8, 3);
   *   readonly bn = new BatchNorm2d(8);
   *   override forward(x: Tensor): Tensor {
   *     return this.bn(this.conv(x)).relu();
   *   }
   *   override chains() {
   *     return [[this.conv, this.bn]];
   *   }
   * }
   * Object.keys(foldBatchNorm(new Block()).stateDict()); // ["conv.weight", "conv.bias"]
   */
  chains(): readonly (readonly AnyModule[])[] {
    return [];
  }

  /**
   * The tree as text: class, settings, and children by name. `summary` adds shapes, parameters and multiply-adds.
   *
   * @example
   * String(new Sequential(new Softmax(1))); // "Sequential(\n  (0): Softmax(dim=1)\n)"
   */
  override toString(): string {
    return moduleText(this, (module) => membersOf(module, isModule));
  }

  /** @internal The text that `console.log` shows. */
  [inspectKey](): string {
    return this.toString();
  }
}

checkMethods(Module, { ...treeParameters, ...stateParameters, ...modeParameters });
