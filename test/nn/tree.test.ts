/** Where modules and parameters may be held, the paths that follow from that, and the errors where they would be lost. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { BatchNorm1d, Dropout, Linear, Module, ReLU, Sequential } from "../../src/nn/index.js";
import { noGrad, ones, Parameter, type Tensor, zeros } from "../../src/tensor/index.js";
import { ConfigError, describeError } from "../../src/util/errors.js";

beforeAll(() => useDevice("interp"));

/** A module with one field of whatever kind. */
class Holder extends Module {
  readonly field: unknown;

  constructor(field: unknown) {
    super();
    this.field = field;
  }

  override forward(x: Tensor): Tensor {
    return x;
  }
}

const keys = (model: Module) => Object.keys(model.stateDict());

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return describeError(error);
  }
  throw new Error("nothing was thrown");
}

describe("a container", () => {
  const linear = () => new Linear(1, 1, { bias: false });
  const cyclic: Record<string, unknown> = { own: linear() };
  cyclic.again = cyclic;
  const found: [name: string, field: unknown, keys: string[]][] = [
    ["array", [linear(), linear()], ["field.0.weight", "field.1.weight"]],
    ["nested array", [[linear()], [new Parameter(zeros([1]))]], ["field.1.0", "field.0.0.weight"]],
    ["plain object", { mainHead: linear(), other: linear() }, ["field.mainHead.weight", "field.other.weight"]],
    ["object without a prototype", Object.assign(Object.create(null), { a: linear() }), ["field.a.weight"]],
    ["object of arrays", { a: [linear()] }, ["field.a.0.weight"]],
    ["map by text", new Map([["a", linear()]]), ["field.a.weight"]],
    ["map by number", new Map([[7, new Parameter(zeros([1]))]]), ["field.7"]],
    ["set", new Set([linear(), linear()]), ["field.0.weight", "field.1.weight"]],
    ["container that holds itself", cyclic, ["field.own.weight"]],
    ["array of other things", [1, "a", null, undefined, zeros([2]), new Float32Array(3), () => 1], []],
    ["map by objects without members", new Map([[{}, { "a.b": 1 }]]), []],
    ["instance of a class without members", new Date(), []],
    ["function", () => linear(), []],
  ];

  it.each(found)("that is a %s is part of the tree", (_, field, expected) => {
    expect(keys(new Holder(field))).toEqual(expected);
  });

  class Pair {
    readonly left = linear();
  }
  class Pairs {
    readonly items = new Map([["a", linear()]]);
  }
  const hint =
    "Hold it in a field, an array, a plain object, a Map with text keys or a Set, or make its holder a Module";
  const refused: [name: string, field: unknown, message: string][] = [
    ["instance of a class", new Pair(), "[module] Holder.field is a Pair, whose field left the tree does not see"],
    [
      "class with a container",
      [new Pairs()],
      "[module] Holder.field.0 is a Pairs, whose field items the tree does not see",
    ],
    [
      "map by objects",
      new Map([[{}, linear()]]),
      "[module] Holder.field has a key of type object, which cannot be part of a path",
    ],
    ["key with a dot", { "a.b": linear() }, '[module] Holder.field has the key "a.b", which cannot be part of a path'],
    ["empty key", new Map([["", [linear()]]]), '[module] Holder.field has the key "", which cannot be part of a path'],
  ];

  it.each(refused)("that is a %s is an error", (_, field, message) => {
    expect(failure(() => new Holder(field).parameters())).toBe(`${message}. ${hint}`);
    expect(failure(() => new Holder(field)(ones([1])))).toBe(`${message}. ${hint}`);
  });
});

describe("paths", () => {
  const net = () => new Sequential(new Linear(2, 2), new Sequential(new BatchNorm1d(2), new Linear(2, 1)));

  it("are keys of the whole model, once it has been walked", () => {
    const model = net();
    const [inner] = [model[1] as Sequential];
    expect(inner[1].path).toBe("");
    expect((inner[1] as Linear).weight.path).toBe("linear.weight");
    model.parameters();
    expect([model.path, inner.path, inner[0].path]).toEqual(["", "1", "1.0"]);
    for (const [key, cell] of Object.entries(model.stateDict())) expect(cell.path).toBe(key);
    // A walk of a part does not shorten them.
    expect(inner.parameters().map(({ path }) => path)).toEqual(["1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias"]);
    expect(inner.namedParameters().map(([key]) => key)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
  });

  it("are set by a call", () => {
    const model = net();
    model(ones([2, 2]));
    expect((model[0] as Linear).weight.path).toBe("0.weight");
  });

  it("follow a module into another model", () => {
    const [model, part] = [net(), net()];
    part.parameters();
    model[2] = part;
    model.parameters();
    expect((part[0] as Linear).weight.path).toBe("2.0.weight");
  });

  it("are in messages of parameters", () => {
    const model = net();
    model.parameters();
    expect(() => (model[0] as Linear).weight.assign(zeros([3]))).toThrow("[assign] 0.weight is [2, 2], the value [3]");
  });

  it("name modules that are called by others than their parent", () => {
    class Outer extends Module {
      readonly layers = new Sequential(new ReLU(), new Linear(2, 1));
      override forward(x: Tensor): Tensor {
        return [...this.layers].reduce((y, layer) => layer(y), x);
      }
    }
    expect(() => new Outer()(zeros([1, 3]))).toThrow("(in model.layers.1)");
  });
});

describe("a module outside of the tree that is called", () => {
  /** Calls a module that only a closure knows. */
  function caller(hidden: Module): Module {
    class Caller extends Module {
      override forward(x: Tensor): Tensor {
        return hidden(x);
      }
    }
    return new Caller();
  }

  it("is an error if it has parameters to train", () => {
    const message = failure(() => caller(new Sequential(new ReLU(), new Linear(2, 2)))(ones([1, 2])));
    expect(message).toBe(
      "[module] Caller calls a Sequential that is not in its tree: parameters() lacks its 1.weight. " +
        "Hold it in a field without #, or freeze() it if it is no part of the model",
    );
  });

  it("is an error if it has a mode that the model does not reach", () => {
    const message =
      "[module] Caller calls a Dropout that is not in its tree: train(), eval() and stateDict() do not reach";
    expect(failure(() => noGrad(() => caller(new Dropout())(ones([1, 2]))))).toContain(`${message} its generator`);
  });

  it("may be frozen, or without state", () => {
    expect(caller(new Sequential(new Linear(2, 3), new Dropout()).freeze())(ones([1, 2])).shape).toEqual([1, 3]);
    expect(caller(new Sequential(new ReLU()))(ones([1, 2])).shape).toEqual([1, 2]);
    expect(noGrad(() => caller(new Linear(2, 3))(ones([1, 2]))).shape).toEqual([1, 3]);
  });

  it("may join the tree while the model is called", () => {
    class Lazy extends Module {
      layer: Linear | null = null;
      override forward(x: Tensor): Tensor {
        this.layer ??= new Linear(x.shape[1], 2);
        return this.layer(x);
      }
    }
    const lazy = new Lazy();
    expect(lazy(ones([1, 3])).shape).toEqual([1, 2]);
    expect(lazy.parameters()).toHaveLength(2);
  });

  it("is told from one whose part of the tree was walked meanwhile", () => {
    class Penalised extends Module {
      readonly layers = new Sequential(new Linear(2, 2), new Linear(2, 2));
      override forward(x: Tensor): Tensor {
        const penalty = this.layers.parameters().reduce((sum, weight) => sum.add(weight.square().sum()), zeros([]));
        return this.layers(x).add(penalty);
      }
    }
    expect(new Penalised()(ones([1, 2])).shape).toEqual([1, 2]);
  });
});
