/** The tree of a module: which fields it finds, their keys and order, sharing, loading, and the path in errors. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { BatchNorm1d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential } from "../../src/nn/index.js";
import { compile, ones, Parameter, type Tensor, Variable, zeros } from "../../src/tensor/index.js";

beforeAll(() => useDevice("interp"));

class Block extends Module {
  /** Declared before the parameter, after which its keys come all the same. */
  readonly norm = new BatchNorm1d(2);
  readonly lastSeen = new Variable(zeros([2]));
  readonly scaleFactor = new Parameter(ones([1]));

  override forward(x: Tensor): Tensor {
    const y = this.norm(x).mul(this.scaleFactor);
    this.lastSeen.assign(y.select(0, 0).detach());
    return y;
  }
}

class Net extends Module {
  readonly size = 2;
  readonly stem: Linear;
  readonly blocks: readonly Block[];
  readonly extras: readonly Parameter[];
  readonly none: Linear | null = null;
  /** The same weights under a second name. */
  readonly head: Linear;
  readonly #hidden = new Linear(1, 1);

  constructor() {
    super();
    this.stem = new Linear(2, 2);
    this.blocks = [new Block(), new Block()];
    this.extras = [new Parameter(zeros([3]))];
    this.head = this.stem;
  }

  override forward(x: Tensor): Tensor {
    const inner = this.blocks.reduce((y, block) => block(y), this.stem(x));
    return this.head(inner).add(this.#hidden.weight.sum());
  }
}

const blockKeys = (path: string) =>
  ["scale_factor", "last_seen", "norm.weight", "norm.bias"]
    .concat(["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"])
    .map((key) => `${path}.${key}`);

describe("the tree", () => {
  it("has PyTorch's keys in PyTorch's order, a shared module under both names", () => {
    expect(Object.keys(new Net().stateDict())).toEqual([
      "extras.0",
      "stem.weight",
      "stem.bias",
      ...blockKeys("blocks.0"),
      ...blockKeys("blocks.1"),
      "head.weight",
      "head.bias",
    ]);
  });

  it("lists every parameter and buffer once", () => {
    const net = new Net();
    const parameters = net.namedParameters();
    expect(parameters.map(([key]) => key)).toEqual([
      "extras.0",
      "stem.weight",
      "stem.bias",
      ...["scale_factor", "norm.weight", "norm.bias"].map((key) => `blocks.0.${key}`),
      ...["scale_factor", "norm.weight", "norm.bias"].map((key) => `blocks.1.${key}`),
    ]);
    expect(net.parameters()).toEqual(parameters.map(([, parameter]) => parameter));
    expect(new Set(net.parameters()).size).toBe(net.parameters().length);
    expect(net.namedBuffers()).toHaveLength(8);
  });

  it("lists modules by path, parents first", () => {
    const paths = new Net().namedModules().map(([path]) => path);
    expect(paths).toEqual(["", "stem", "blocks.0", "blocks.0.norm", "blocks.1", "blocks.1.norm", "head"]);
  });

  it("gives the live cells", async () => {
    const layer = new Linear(1, 1);
    layer.stateDict().weight.assign(ones([1, 1]));
    expect(await layer.weight.item()).toBe(1);
  });

  it("lists the random streams", () => {
    const model = new Sequential(new Dropout(), new ReLU(), new Dropout());
    expect(model.namedGenerators().map(([key]) => key)).toEqual(["0.generator", "2.generator"]);
    expect(Object.keys(model.stateDict())).toEqual([]);
  });

  it("sees a replaced child", () => {
    const model = new Sequential(new Linear(2, 2), new ReLU());
    model[0] = new Linear(2, 5);
    expect(model.parameters().map(({ shape }) => shape)).toEqual([[5, 2], [5]]);
    expect(model(zeros([1, 2])).shape).toEqual([1, 5]);
    expect(model).toHaveLength(2);
    expect([...model]).toEqual([model[0], model[1]]);
  });
});

describe("loadStateDict", () => {
  it("takes tensors, typed arrays, and arrays with their shape", async () => {
    const layer = new Linear(2, 1);
    layer.loadStateDict({ weight: ones([1, 2]), bias: new Float32Array([3]) });
    expect(await layer.weight.toArray()).toEqual([[1, 1]]);
    expect(await layer.bias!.toArray()).toEqual([3]);
    layer.loadStateDict({ weight: { shape: [1, 2], data: [4, 5] }, bias: { shape: [1], data: new Float64Array([6]) } });
    expect(await layer.weight.toArray()).toEqual([[4, 5]]);
    expect(await layer.bias!.toArray()).toEqual([6]);
  });

  it("copies from another module, which may change afterwards", async () => {
    const source = new Linear(1, 1);
    const copy = new Linear(1, 1);
    source.weight.assign(ones([1, 1]));
    copy.loadStateDict(source.stateDict());
    source.weight.assign(zeros([1, 1]));
    expect(await copy.weight.item()).toBe(1);
    expect(copy.weight.requiresGrad).toBe(true);
  });

  it("keeps the dtype of integers", async () => {
    const layer = new BatchNorm1d(1);
    const state = { ...layer.stateDict(), num_batches_tracked: { shape: [], data: [7] } };
    layer.loadStateDict(state);
    expect(layer.numBatchesTracked!.dtype).toBe("i32");
    expect(await layer.numBatchesTracked!.item()).toBe(7);
  });

  it("writes nothing if anything is wrong", async () => {
    const layer = new Linear(1, 1);
    const before = await layer.weight.item();
    expect(() => layer.loadStateDict({ weight: ones([1, 1]), bias: ones([2]) })).toThrow("shapes differ");
    expect(() => layer.loadStateDict({ weight: ones([1, 1]) })).toThrow("missing keys: bias");
    expect(await layer.weight.item()).toBe(before);
  });

  it("reports what did not fit instead, without strict", async () => {
    const layer = new Linear(1, 1);
    const report = layer.loadStateDict({ weight: ones([1, 1]), head: ones([1]) }, { strict: false });
    expect(report).toEqual({ missing: ["bias"], unexpected: ["head"] });
    expect(await layer.weight.item()).toBe(1);
  });
});

describe("a module", () => {
  class Named extends Module {
    override name = "a field";
    override length = 3;
    override forward(x: Tensor): Tensor {
      return x;
    }
  }

  it("is a function and an instance of its class", () => {
    const layer = new Linear(2, 1);
    expect(typeof layer).toBe("function");
    expect(layer).toBeInstanceOf(Linear);
    expect(layer).toBeInstanceOf(Module);
    expect(layer.constructor).toBe(Linear);
    expect([layer].map((each) => each(ones([3, 2])).shape)).toEqual([[3, 1]]);
  });

  it("has the fields of its class only, whatever their names", () => {
    expect(Reflect.ownKeys(new ReLU())).toEqual([]);
    const { name, length } = new Named();
    expect({ name, length }).toEqual({ name: "a field", length: 3 });
    expect("call" in new ReLU()).toBe(false);
  });

  it("equals itself alone", () => {
    const layer = new ReLU();
    expect(layer).toEqual(layer);
    expect(layer).not.toEqual(new ReLU());
  });

  it("has the types of its inputs and its output", () => {
    const f: (x: Tensor) => Tensor = new ReLU();
    expect(f(ones([1])).shape).toEqual([1]);
    // @ts-expect-error: a string is no tensor
    expect(() => new ReLU()("x")).toThrow();
    // @ts-expect-error: modules have nothing of Function.prototype
    expect(() => new ReLU().call(ones([1]))).toThrow();
  });

  it("is compiled like any function", async () => {
    const layer = new Linear(2, 1);
    expect(await (await compile(layer)(ones([1, 2]))).toArray()).toEqual(await layer(ones([1, 2])).toArray());
  });

  it("is an argument of a compiled function: each module has a program of its own", async () => {
    const run = compile((model: Module, x: Tensor) => model(x));
    const layers = [new Linear(2, 1), new Linear(2, 1)];
    const found = await Promise.all(layers.map(async (layer) => (await run(layer, ones([1, 2]))).item()));
    expect(found).toEqual(await Promise.all(layers.map((layer) => layer(ones([1, 2])).item())));
    expect(found[0]).not.toBe(found[1]);
  });

  it("names the module where an error happened", () => {
    const net = new Net();
    const message = (model: Module, shape: number[]) => {
      try {
        model(zeros(shape));
      } catch (error) {
        return error instanceof Error ? error.message : error;
      }
      return "no error";
    };
    expect(message(net, [4, 3])).toContain("(in model.head)"); // stem and head are one module: the last name counts
    expect(message(new Sequential(new ReLU(), new Sequential(new Conv2d(3, 1, 1))), [1, 1, 2, 2])).toContain(
      "(in model.1.0)",
    );
    expect(message(new Linear(2, 1), [3])).toContain("(in model)");
    expect(message(net.blocks[0], [2, 3])).toContain("(in model.norm)");
  });

  it("names a module that is no field by its class", () => {
    const helper = new MaxPool2d(2);
    class Outer extends Module {
      override forward(x: Tensor): Tensor {
        return helper(x);
      }
    }
    expect(() => new Outer()(zeros([1, 2]))).toThrow("(in model.MaxPool2d)");
  });

  it("serves other inputs and outputs than one tensor", async () => {
    class Both extends Module<[a: Tensor, b: Tensor], { sum: Tensor; difference: Tensor }> {
      override forward(a: Tensor, b: Tensor) {
        return { sum: a.add(b), difference: a.sub(b) };
      }
    }
    const { sum, difference } = new Both()(ones([1]), ones([1]));
    expect([await sum.item(), await difference.item()]).toEqual([2, 0]);
  });
});
