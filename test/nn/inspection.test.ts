/** Looking at models: as text, in a summary, through recorded outputs; and exchanging modules in them. */
import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { compile, grad, noGrad, ones, Parameter, type Tensor, zeros } from "../../src/tensor/index.js";
import { createModel, modelNames } from "../../src/vision/index.js";

beforeAll(() => useDevice("interp"));

const small = () =>
  new nn.Sequential(
    new nn.Conv2d(1, 2, [3, 1], { padding: [1, 0], bias: false }),
    new nn.Sequential(new nn.BatchNorm2d(2), new nn.ReLU()),
    new nn.Flatten(),
    new nn.Linear(2 * 4 * 4, 3),
  );

describe("a model as text", () => {
  const sizes = "kernelSize=[3, 1], stride=1, padding=[1, 0], dilation=1, groups=1";
  const text = `Sequential(
  (0): Conv2d(inChannels=1, outChannels=2, ${sizes}, paddingMode="zeros", bias=null)
  (1): Sequential(
    (0): BatchNorm2d(numFeatures=2, eps=0.00001, momentum=0.1)
    (1): ReLU()
  )
  (2): Flatten(startDim=1, endDim=-1)
  (3): Linear(inFeatures=32, outFeatures=3)
)`;

  it("shows kinds, settings and children by name", () => {
    expect(String(small())).toBe(text);
    expect(inspect(small())).toBe(text);
    expect(inspect({ model: small() })).toContain("(3): Linear(inFeatures=32, outFeatures=3)");
  });

  it("shows settings of a module of one's own, and one that contains itself", () => {
    class Own extends nn.Module {
      readonly rate = 0.5;
      readonly label = "x";
      readonly sizes = [1, 2, 3];
      readonly missing = null;
      readonly heads = { first: new nn.ReLU() };
      parent: nn.Module | null = null;
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    const own = new Own();
    const shown = 'Own(rate=0.5, label="x", sizes=[1, 2, 3]\n  (heads.first): ReLU()\n';
    expect(String(own)).toBe(`${shown})`);
    own.parent = own;
    expect(String(own)).toBe(`${shown}  (parent): Own(…)\n)`);
  });
});

describe("summary", () => {
  it("is a table whose columns sum to the totals", () => {
    const table = nn.summary(small(), [2, 1, 4, 4]);
    expect(String(table)).toBe(
      [
        "module              output        parameters  multiply-adds  output memory",
        "──────────────────────────────────────────────────────────────────────────",
        "Sequential          [2, 3]                 –              –           24 B",
        "  0: Conv2d         [2, 2, 4, 4]           6            192          256 B",
        "  1: Sequential     [2, 2, 4, 4]           –              –          256 B",
        "    0: BatchNorm2d  [2, 2, 4, 4]           4              –          256 B",
        "    1: ReLU         [2, 2, 4, 4]           –              –          256 B",
        "  2: Flatten        [2, 32]                –              –          256 B",
        "  3: Linear         [2, 3]                99            192           24 B",
        "──────────────────────────────────────────────────────────────────────────",
        "parameters 109, frozen 0",
        "multiply-adds 384",
        "memory: input 128 B, outputs 1.05 kB, parameters and buffers 456 B",
      ].join("\n"),
    );
    expect(inspect(table)).toBe(String(table));
  });

  it.each(modelNames)("of %s agrees with countParameters and countFlops", (name) => {
    const size = name === "mlp" || name === "cnn" ? 28 : 32;
    const model = createModel(name, { classes: 10, size });
    const shape = [1, 3, size, size];
    for (const depth of [0, 1, 2, 9]) {
      const { rows, ...totals } = nn.summary(model, shape, { depth });
      const sum = (key: "parameters" | "multiplyAdds") => rows.reduce((total, row) => total + row[key], 0);
      const expected = [nn.countParameters(model), nn.countFlops(model, shape)];
      expect([sum("parameters"), sum("multiplyAdds")]).toEqual(expected);
      expect([totals.parameters, totals.multiplyAdds]).toEqual(expected);
      expect(Math.max(...rows.map((row) => row.depth))).toBeLessThanOrEqual(depth);
    }
  });

  it("counts frozen parameters and modules in two places", () => {
    const shared = new nn.Linear(4, 4);
    const model = new nn.Sequential(shared, new nn.ReLU(), shared, new nn.Linear(4, 2));
    model[3].freeze();
    const { rows, parameters, trainableParameters, multiplyAdds } = nn.summary(model, [3, 4]);
    expect(rows.map(({ path, sameAs }) => [path, sameAs])).toEqual([
      ["", undefined],
      ["0", undefined],
      ["1", undefined],
      ["2", "0"],
      ["3", undefined],
    ]);
    expect(rows[1].multiplyAdds).toBe(2 * 3 * 16);
    expect([parameters, trainableParameters, multiplyAdds]).toEqual([30, 20, 3 * (2 * 16 + 8)]);
  });

  it("leaves the model as it was, also what is pinned to training", async () => {
    const model = new nn.Sequential(new nn.BatchNorm1d(4).pin("train"), new nn.Dropout().pin("train"));
    const generator = (model[1] as nn.Dropout).generator;
    const read = async () => [...(await model.stateDict()["0.num_batches_tracked"].data())];
    nn.summary(model, [3, 4]);
    nn.countFlops(model, [3, 4]);
    expect(await read()).toEqual([0]);
    expect(await generator.counter.item()).toBe(0);
    expect(model.training).toBe(true);
  });

  it("names the shape that does not fit", () => {
    expect(() => nn.summary(new nn.Sequential(new nn.Linear(4, 2)), [3, 5])).toThrow("[linear] expected 4 features");
  });
});

describe("record", () => {
  it("gives the outputs of modules, eagerly and in a compiled function", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 2), new nn.Sequential(new nn.ReLU()));
    const x = ones([4, 3]);
    const { result, activations } = nn.record(model, ["0", "1.0"], () => model(x));
    expect(activations["0"]).toHaveLength(1);
    const expected = await (model[0] as nn.Linear)(x).data();
    expect(await activations["0"][0].data()).toEqual(expected);
    expect(await activations["1.0"][0].data()).toEqual(await result.data());
    const run = compile((images: Tensor) => nn.record(model, ["0"], () => model(images)).activations);
    for (let i = 0; i < 2; i++) {
      const found = (await run(x))["0"];
      expect(found).toHaveLength(1);
      expect(await found[0].data()).toEqual(expected);
    }
  });

  it("gives gradients with respect to them", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 2), new nn.ReLU(), new nn.Linear(2, 2));
    model.loadStateDict({ ...model.stateDict(), "0.weight": ones([2, 3]), "0.bias": ones([2]) });
    const x = ones([1, 3]);
    const run = compile((images: Tensor) => {
      const { result, gradients } = nn.record(model, ["1"], () => model(images));
      return gradients(result.select(1, 0).sum());
    });
    const weight = (model[2] as nn.Linear).weight;
    const expected = [...(await weight.data())].slice(0, 2);
    const { result, gradients } = nn.record(model, ["1"], () => model(x));
    expect([...(await gradients(result.select(1, 0).sum())["1"][0].data())]).toEqual(expected);
    expect([...(await (await run(x))["1"][0].data())]).toEqual(expected);
  });

  it("keeps every call of a module, in order", async () => {
    const cell = new nn.ReLU();
    const { activations } = nn.record(new nn.Sequential(cell, cell), ["1", "0"], () => [
      cell(ones([1])),
      cell(zeros([2])),
    ]);
    expect(activations["0"].map(({ shape }) => shape)).toEqual([[1], [2]]);
    expect(activations["1"]).toEqual(activations["0"]);
  });

  it("names paths that are not there, not called, or give no tensor", () => {
    const model = new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.ReLU()));
    expect(() => nn.record(model, ["1.1"], () => model(ones([1])))).toThrow('[record] there is no module "1.1"');
    expect(() => nn.record(model, ["1.0"], () => model[0](ones([1])))).toThrow('[record] "1.0" was not called');
    class Two extends nn.Module<[x: Tensor], Tensor[]> {
      override forward(x: Tensor): Tensor[] {
        return [x, x];
      }
    }
    const two = new Two();
    expect(() => nn.record(two, [""], () => two(ones([1])))).toThrow("not a tensor");
  });
});

/** Low-rank adapters: the weight stays, and a product of two narrow matrices is learned beside it. */
class Adapter extends nn.Module {
  readonly base: nn.Linear;
  readonly down: Parameter;
  readonly up: Parameter;

  constructor(base: nn.Linear, rank: number) {
    super();
    this.base = base.freeze();
    this.down = new Parameter(nn.init.kaimingUniform([rank, base.inFeatures]));
    this.up = new Parameter(zeros([base.outFeatures, rank]));
  }

  override forward(x: Tensor): Tensor {
    return this.base(x).add(x.matmul(this.down.transpose()).matmul(this.up.transpose()));
  }
}

describe("replaceModules", () => {
  it("exchanges a head", () => {
    const model = createModel("resnet20", { classes: 10, size: 32 });
    nn.replaceModules(model, (_, path) => (path === "fc" ? new nn.Linear(64, 3) : undefined));
    expect(model.eval()(zeros([1, 3, 32, 32])).shape).toEqual([1, 3]);
    expect(model.stateDict()["fc.weight"].shape).toEqual([3, 64]);
    expect(model.parameters().at(-1)?.path).toBe("fc.bias");
  });

  it("puts adapters around all linear layers, which then are trained alone", async () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Sequential(new nn.ReLU(), new nn.Linear(4, 2)));
    const before = await model(ones([2, 3])).data();
    nn.replaceModules(model, (module) => (module instanceof nn.Linear ? new Adapter(module, 1) : undefined));
    expect(await model(ones([2, 3])).data()).toEqual(before);
    const trained = model.namedParameters().filter(([, { trainable }]) => trainable);
    expect(trained.map(([key]) => key)).toEqual(["0.down", "0.up", "1.1.down", "1.1.up"]);
    model(ones([2, 3]))
      .sum()
      .backward();
    expect(model.parameters().filter(({ grad }) => grad !== null)).toHaveLength(4);
  });

  it("replaces in arrays, objects, maps and sets, a shared module by one", () => {
    const old = new nn.ReLU();
    class Holder extends nn.Module {
      readonly field = old;
      readonly array = [old];
      readonly object = { a: old };
      readonly map = new Map([["b", old]]);
      readonly set = new Set([new nn.Flatten(), old]);
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    const asked: string[] = [];
    const holder = nn.replaceModules(new Holder(), (module, path) => {
      asked.push(path);
      return module === old ? new nn.Dropout() : undefined;
    });
    const { field, array, object, map, set } = holder;
    for (const found of [array[0], object.a, map.get("b"), [...set][1]]) expect(found).toBe(field);
    expect(field).toBeInstanceOf(nn.Dropout);
    expect(asked).toEqual(["field", "set.0"]);
  });

  it("refuses anything but modules", () => {
    const model = new nn.Sequential(new nn.ReLU());
    // @ts-expect-error: a function is no module
    expect(() => nn.replaceModules(model, () => (x: Tensor) => x)).toThrow(
      "[replaceModules] the rule gave the function",
    );
  });

  it("serves gradients of what is left", async () => {
    const model = nn.replaceModules(new nn.Sequential(new nn.Dropout(), new nn.Linear(2, 1)), (module) =>
      module instanceof nn.Dropout ? new nn.ReLU() : undefined,
    );
    const x = ones([1, 2]);
    const [dx] = grad(model(x).sum(), [x]);
    expect(await dx.data()).toEqual(await noGrad(() => (model[1] as nn.Linear).weight.mul(1)).data());
  });
});
