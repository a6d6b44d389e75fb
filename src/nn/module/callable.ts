/**
 * Objects that are called like functions: the base class of modules, so that `model(x)` runs a model. If a constructor
 * returns a function, that function becomes `this` of its subclasses, and their fields, private fields and methods are
 * defined on it. This file must not know modules.
 */

interface CallableInstance<In extends unknown[], Out> {
  /** Calls the instance. */
  (...inputs: In): Out;
  /** @internal TypeScript gives every callable type the members of Function; instances have none of them. */
  readonly call?: never;
}

/** The type of a base class whose instances are functions from `In` to `Out`. */
type CallableClass = abstract new <In extends unknown[], Out>(
  run: (instance: object, inputs: unknown[]) => unknown,
) => CallableInstance<In, Out>;

function construct(this: unknown, run: (instance: object, inputs: unknown[]) => unknown): object {
  const instance = (...inputs: unknown[]): unknown => run(instance, inputs);
  // Own properties of every function; a class may have fields or accessors of these names.
  Reflect.deleteProperty(instance, "name");
  Reflect.deleteProperty(instance, "length");
  return Object.setPrototypeOf(instance, new.target.prototype);
}

/**
 * The base class of classes whose instances are called: `instance(...inputs)` is `run(instance, inputs)`. Instances
 * have the methods of their class and none of `Function.prototype`.
 */
export const Callable = construct as unknown as CallableClass;
