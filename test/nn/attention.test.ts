/** scaledDotProductAttention against PyTorch, its dropout, and calls that must fail with their messages. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import {
  functional as F,
  MultiheadAttention,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "../../src/nn/index.js";
import { Generator, grad, ones, type Tensor, zeros } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";
import { expectClose, readReference, settingOf, toTensor, type Values } from "./references.js";

interface Case {
  readonly name: string;
  readonly mask?: unknown;
  readonly options?: F.ScaledDotProductAttentionOptions;
}

interface Reference {
  readonly name: string;
  readonly operands: readonly [Values, Values, Values];
  readonly output: Values;
  readonly probe: Values;
  readonly gradients: readonly Values[];
}

const cases = readReference<Case[]>("scaled-dot-product.cases.json");
const references = readReference<Reference[]>("scaled-dot-product.reference.json");

it("has up-to-date references", () => {
  expect(references.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
});

describe.each(devices)("scaledDotProductAttention on %s", (device) => {
  beforeAll(() => useDevice(device));
  const chosen = device === "interp" ? cases : cases.slice(5, 6);

  it.each(chosen)("$name", async ({ name, mask, options }) => {
    const reference = references[cases.findIndex((one) => one.name === name)];
    const [q, k, v] = reference.operands.map((x) => toTensor(x));
    const attnMask = mask === undefined ? null : (settingOf({ tensor: mask }) as Tensor);
    const y = F.scaledDotProductAttention(q, k, v, { ...options, attnMask });
    const gradients = grad(y, [q, k, v], { gradOutput: toTensor(reference.probe) });
    await expectClose(y, reference.output, "output");
    for (const [i, gradient] of gradients.entries())
      await expectClose(gradient, reference.gradients[i], `gradient ${i}`);
  });
});

describe("dropout of attention", () => {
  beforeAll(() => useDevice("interp"));
  const operands = () => [1, 2, 3].map((stream) => new Generator(stream).normal([2, 6, 4]));

  it("drops probabilities by a mask that forward and backward share", async () => {
    const [q, k, v] = operands();
    const y = F.scaledDotProductAttention(q, k, v, { dropoutP: 0.4, generator: new Generator(7) });
    const keep = new Generator(7).bernoulli([2, 6, 6], 0.6);
    const expected = keep
      .where(
        q
          .mul(0.5)
          .matmul(k.transpose())
          .softmax(2)
          .mul(1 / 0.6),
        0,
      )
      .matmul(v);
    const valuesOf = async (x: Tensor): Promise<Values> => ({
      shape: x.shape,
      data: [...(await x.data())].map(Number),
    });
    const [found, wanted] = [y, expected].map((output) => grad(output.square().sum(), [q, k, v]));
    await expectClose(y, await valuesOf(expected), "output");
    for (const [i, gradient] of found.entries())
      await expectClose(gradient, await valuesOf(wanted[i]), `gradient ${i}`);
  });

  it("changes nothing in evaluation, and other calls draw other masks", async () => {
    const layer = new MultiheadAttention(4, 2, { dropout: 0.5, batchFirst: true });
    const [x] = operands();
    const run = async () => [...(await layer(x, x, x)[0].data())];
    expect(await run()).not.toEqual(await run());
    layer.eval();
    expect(await run()).toEqual(await run());
  });

  it("gives zeros if all is dropped", async () => {
    const [q, k, v] = operands();
    const y = F.scaledDotProductAttention(q, k, v, { dropoutP: 1, generator: new Generator(7) });
    expect(new Set(await y.data())).toEqual(new Set([0]));
  });
});

describe("an encoder", () => {
  it("copies its layer: equal values, parameters of their own", async () => {
    await useDevice("interp");
    const layer = new TransformerEncoderLayer(4, 2, { dimFeedforward: 3 });
    const encoder = new TransformerEncoder(layer, 2);
    const [first, second] = encoder.layers.map((one) => one.linear1.weight);
    expect(first).not.toBe(second);
    expect(await first.data()).toEqual(await layer.linear1.weight.data());
    expect(await second.data()).toEqual(await first.data());
    expect(encoder.parameters()).toHaveLength(2 * layer.parameters().length);
  });
});

describe("calls that must fail", () => {
  const q = ones([2, 3, 4]);
  it.each<readonly [message: string, program: () => unknown]>([
    [
      "[scaledDotProductAttention] query and key have other features: query [2, 3, 4], key [2, 3, 5], value [2, 3, 5]",
      () => F.scaledDotProductAttention(q, ones([2, 3, 5]), ones([2, 3, 5])),
    ],
    [
      "[scaledDotProductAttention] key and value have other lengths: query [2, 3, 4], key [2, 3, 4], value [2, 5, 4]",
      () => F.scaledDotProductAttention(q, q, ones([2, 5, 4])),
    ],
    [
      "[scaledDotProductAttention] leading axes do not broadcast: query [2, 3, 4], key [3, 3, 4], value [2, 3, 4]",
      () => F.scaledDotProductAttention(q, ones([3, 3, 4]), q),
    ],
    [
      "[scaledDotProductAttention] attnMask [2, 2] does not broadcast to the scores [2, 3, 3]",
      () => F.scaledDotProductAttention(q, q, q, { attnMask: zeros([2, 2]) }),
    ],
    [
      "[scaledDotProductAttention] dropoutP without a generator",
      () => F.scaledDotProductAttention(q, q, q, { dropoutP: 0.5 }),
    ],
    ["[MultiheadAttention] embedDim 6 is no multiple of numHeads 4", () => new MultiheadAttention(6, 4)],
    [
      "[MultiheadAttention] expected keyPaddingMask [3, 2], got [2, 3] (in model)",
      () => new MultiheadAttention(4, 2)(q.slice(2, 0, 4), q, q, { keyPaddingMask: zeros([2, 3], { dtype: "bool" }) }),
    ],
    [
      "[MultiheadAttention] batch sizes or lengths differ in [L, N, E]: query [2, 3, 4], key [2, 5, 4], value [2, 5, 4] (in model)",
      () => new MultiheadAttention(4, 2)(q, ones([2, 5, 4]), ones([2, 5, 4])),
    ],
  ])("%s", (message, program) => {
    expect(program).toThrow(message);
  });
});
