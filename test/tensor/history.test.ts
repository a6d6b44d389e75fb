/** What computed tensors remember of how they were computed: nothing, unless a gradient may be asked of them. */
import { describe, expect, it } from "vitest";
import { compile, grad, Parameter, realize, type Tensor, tensor, useDevice, type Variable } from "../../src/index.js";
import { devices, fastDevices } from "../support/devices.js";
import { buffersDownTo, settledBuffers } from "../support/memory.js";

const rounds = 200;
const value = () => tensor(new Float32Array(1000).fill(1));

describe.each(fastDevices)("running sums on %s", (device) => {
  const cases: readonly (readonly [string, (sum: Tensor, x: Tensor) => Promise<Tensor>])[] = [
    ["an average", async (sum, x) => sum.mul(0.9).add(x.mul(0.1))],
    ["a sum of results of a compiled function", async (sum, x) => sum.add(await half(x))],
    ["a sum of differences", async (sum, x) => sum.add(sum.sub(x).abs().mean())],
    ["a sum of what a parameter gives, detached", async (sum, x) => sum.add(x.mul(weight).sum().detach())],
  ];
  const half = compile((x: Tensor) => x.mul(0.5));
  const weight = new Parameter(tensor(2), { name: "weight" });

  it.each(cases)("%s holds no more buffers after many rounds than after a few", async (_, next) => {
    await useDevice(device);
    let sum: Tensor = value();
    const step = async () => {
      sum = await next(sum, value());
      await sum.data();
    };
    for (let i = 0; i < 10; i++) await step();
    const bound = (await settledBuffers()) + 2;
    for (let i = 0; i < rounds; i++) await step();
    expect(await buffersDownTo(bound)).toBeLessThanOrEqual(bound);
    expect((await sum.data()).every(Number.isFinite)).toBe(true);
  });

  it("results that are kept do not keep what they were computed from", async () => {
    await useDevice(device);
    const results: Tensor[] = [];
    for (let i = 0; i < 50; i++) {
      const mean = value().mul(i).mean();
      await mean.data();
      results.push(mean);
    }
    const before = await settledBuffers();
    results.splice(0, 25);
    // A result and the values that it is the mean of would be two.
    expect(await buffersDownTo(before - 25)).toBe(before - 25);
  });
});

describe.each(devices)("gradients of what was read, on %s", (device) => {
  const x = () => tensor([1, 2, 3]);

  it("of a parameter flow through values that were read", async () => {
    await useDevice(device);
    const p = new Parameter(tensor([1, 2, 3]));
    const square = p.square();
    expect(await square.toArray()).toEqual([1, 4, 9]);
    const sum = square.sum();
    expect(await sum.item()).toBe(14);
    sum.backward();
    expect(await p.grad?.toArray()).toEqual([2, 4, 6]);
    const variable = tensor([1, 2], { requiresGrad: true }) as Variable;
    const cube = variable.pow(3).sum();
    await cube.data();
    cube.backward();
    expect(await variable.grad?.toArray()).toEqual([3, 12]);
  });

  it("with respect to a plain tensor: the one that was read is still the one that the output was built from", async () => {
    const input = x().add(0);
    const output = input.square().sum();
    expect(await input.toArray()).toEqual([1, 2, 3]);
    expect(await grad(output, [input])[0].toArray()).toEqual([2, 4, 6]);
  });

  it("with respect to a plain tensor that was read halfway: both parts count", async () => {
    const input = x().add(0);
    const before = input.square();
    await realize(input);
    const output = before.add(input.mul(10)).sum();
    expect(await grad(output, [input])[0].toArray()).toEqual([12, 14, 16]);
  });

  it("are an error, not zero, where the dependence was forgotten", async () => {
    const input = x();
    const between = input.exp();
    await between.data();
    for (const output of [between, between.mul(2), between.add(input)]) {
      expect(() => grad(output.sum(), [input])).toThrow(
        /^\[grad\] a value \[3\] that the output depends on was read before grad was called, .* input 0$/,
      );
    }
    const later = between.mul(2);
    await later.data();
    expect(() => grad(later.sum(), [input])).toThrow(/was read before/);
  });

  it("are exact where something else was read", async () => {
    const constant = x();
    const input = x();
    const other = constant.exp().mul(3);
    await other.data();
    const [g] = grad(input.mul(other.mul(0).add(2)).sum(), [input]);
    expect(await g.toArray()).toEqual([2, 2, 2]);
  });

  it("are an error too where the forgotten graph was large", async () => {
    const input = x();
    let value: Tensor = input;
    for (let i = 0; i < 300; i++) value = value.add(1);
    await value.data();
    expect(() => grad(value.sum(), [input])).toThrow(/was read before/);
    const later = x();
    expect(await grad(later.mul(value).sum(), [later])[0].toArray()).toEqual([301, 302, 303]);
  });
});
