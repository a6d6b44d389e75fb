/**
 * Functions over space against PyTorch, with the gradients of all their inputs; what layers bring is in layers.test.ts.
 * And what closed forms say: conversions between layers that compute the same.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { compile, Generator, grad, type Tensor, tensor } from "../../src/tensor/index.js";
import { expectAllClose, readReference, toTensor, type Values } from "./references.js";

interface FunctionCase {
  readonly name: string;
  readonly function: string;
  readonly args?: readonly unknown[];
  readonly options?: object;
}

interface FunctionReference {
  readonly name: string;
  readonly inputs: readonly Values[];
  readonly output: Values;
  readonly probe: Values;
  readonly gradients: readonly Values[];
}

const cases = readReference<FunctionCase[]>("functions.cases.json");
const references = readReference<FunctionReference[]>("functions.reference.json");
const functions = nn.functional as unknown as Readonly<Record<string, (...args: unknown[]) => Tensor>>;

beforeAll(() => useDevice("interp"));

describe("functions over space", () => {
  it("have up-to-date references", () => {
    expect(references.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
  });

  it.each(cases.map((one, i) => ({ ...one, reference: references[i] })))("$name", async ({ reference, ...one }) => {
    const inputs = reference.inputs.map((values) => toTensor(values, { dtype: "f64" }));
    const options = one.options ? [one.options] : [];
    const y = functions[one.function](...inputs, ...(one.args ?? []), ...options);
    const probe = toTensor(reference.probe, { dtype: "f64" });
    const gradients = grad(y.mul(probe).sum(), inputs);
    await expectAllClose([
      [y, reference.output, "output"],
      ...gradients.map((gradient, i) => [gradient, reference.gradients[i], `gradient of input ${i}`] as const),
    ]);
  });
});

describe("layers that compute the same", () => {
  const random = (shape: readonly number[]) => new Generator(7, { stream: "conversions" }).normal(shape);
  const distance = async (a: Tensor, b: Tensor) => {
    expect(a.shape).toEqual(b.shape);
    return a.sub(b).abs().max().item();
  };

  it.each([true, false])("a fully connected layer and a convolution as large as the image (bias %s)", async (bias) => {
    const linear = new nn.Linear(2 * 3 * 4, 5, { bias });
    const conv = nn.denseToConv(linear, [2, 3, 4]);
    const x = random([3, 2, 3, 4]);
    expect(await distance(conv(x).flatten({ startDim: 1 }), linear(x.flatten({ startDim: 1 })))).toBeLessThan(1e-5);
    // On a larger image: the layer at every place.
    const large = random([1, 2, 4, 5]);
    const y = conv(large);
    expect(y.shape).toEqual([1, 5, 2, 2]);
    const corner = large.slice(2, 1, 4).slice(3, 1, 5);
    const atCorner = y.select(3, 1).select(2, 1);
    expect(await distance(atCorner, linear(corner.flatten({ startDim: 1 })))).toBeLessThan(1e-5);
  });

  it.each([{ padding: 1, stride: 2 }, { groups: 2, dilation: 2, bias: false }, { padding: "same" }] as const)(
    "a convolution and its matrix: %o",
    async (options) => {
      const conv = new nn.Conv2d(2, 4, 3, options);
      const linear = nn.convToDense(conv, [2, 5, 6]);
      const x = random([2, 2, 5, 6]);
      expect(await distance(linear(x.flatten({ startDim: 1 })), conv(x).flatten({ startDim: 1 }))).toBeLessThan(1e-5);
    },
  );

  it("a 1 × 1 convolution and a fully connected layer of each pixel", async () => {
    const linear = new nn.Linear(3, 5);
    const conv = nn.denseToConv(linear, [3, 1, 1]);
    const x = random([2, 3, 4, 4]);
    const perPixel = linear(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
    expect(await distance(conv(x), perPixel)).toBeLessThan(1e-5);
  });

  it("maximum unpooling and pooling", async () => {
    const x = random([1, 2, 7, 6]).abs();
    const { values, indices } = nn.functional.maxPool2dWithIndices(x, 2);
    const y = nn.functional.maxUnpool2d(values, indices, 2, { outputSize: [7, 6] });
    expect(await distance(nn.functional.maxPool2d(y, 2), values)).toBe(0);
  });

  it("folding and unfolding, up to how often each pixel is read", async () => {
    const x = random([1, 2, 5, 5]);
    const options = { padding: 1 };
    const ones = x.mul(0).add(1);
    const around = (y: Tensor) => nn.functional.fold(nn.functional.unfold(y, 3, options), 5, 3, options);
    expect(await distance(around(x), around(ones).mul(x))).toBeLessThan(1e-5);
  });
});

describe("positions of maxima", () => {
  it("lie in the image where all values are −∞", async () => {
    const x = tensor([[[[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]]]]);
    const { indices } = nn.functional.maxPool2dWithIndices(x, 2, { padding: 1 });
    expect(await indices.toArray()).toEqual([[[[0, 1]]]]);
  });
});

describe("an embedding with a largest norm", () => {
  it("shortens the vectors of tokens that occur, and no others", async () => {
    const layer = new nn.Embedding(3, 2, { maxNorm: 1 });
    layer.weight.load([3, 4, 0.3, 0.4, 6, 8]);
    const lookUp = compile((tokens: Tensor) => layer(tokens));
    const y = await lookUp(tensor([0, 1], { dtype: "i32" }));
    expect([...(await y.data())].map((v) => Number(v.toFixed(5)))).toEqual([0.6, 0.8, 0.3, 0.4]);
    expect([...(await layer.weight.data())].map((v) => Number(v.toFixed(5)))).toEqual([0.6, 0.8, 0.3, 0.4, 6, 8]);
  });

  it("starts with zeros for the padding token", async () => {
    const values = await new nn.Embedding(3, 2, { paddingIdx: -1 }).weight.data();
    expect([...values].map((v) => v === 0)).toEqual([false, false, false, false, true, true]);
  });
});
