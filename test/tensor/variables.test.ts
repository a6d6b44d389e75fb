/** Variables and compile: what is read, what is updated in place, and what must never be overwritten. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  compile,
  Generator,
  grad,
  noGrad,
  Parameter,
  programCount,
  type Tensor,
  tensor,
  useDevice,
  Variable,
  zeros,
} from "../../src/index.js";
import { ConfigError, describeError } from "../../src/util/errors.js";
import { devices, fastDevices } from "../support/devices.js";
import { buffersDownTo, settledBuffers } from "../support/memory.js";

describe.each(devices)("variables on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("reads as its value, assigned or loaded", async () => {
    const v = new Variable(tensor([1, 2, 3]), { name: "v" });
    v.assign(v.mul(2));
    expect(await v.toArray()).toEqual([2, 4, 6]);
    v.assign(7);
    expect(await v.toArray()).toEqual([7, 7, 7]);
    v.load([1, 2, 3]);
    expect(await v.toArray()).toEqual([1, 2, 3]);
    v.assign(tensor(5));
    expect(await v.add(1).toArray()).toEqual([6, 6, 6]);
  });

  it("keeps its dtype when assigned", async () => {
    const v = new Variable(tensor([1, 2], { dtype: "i32" }));
    v.assign(tensor([2.9, -2.9]));
    expect(v.dtype).toBe("i32");
    expect(await v.toArray()).toEqual([2, -2]);
  });

  it("swaps two variables", async () => {
    const [a, b] = [new Variable(tensor([1, 2])), new Variable(tensor([3, 4]))];
    const swap = compile(() => {
      const old = a.mul(1);
      a.assign(b);
      b.assign(old);
    });
    await swap();
    expect([await a.toArray(), await b.toArray()]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    await swap();
    expect([await a.toArray(), await b.toArray()]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("updates in place where a later read sees the new value", async () => {
    const v = new Variable(tensor([1, 2, 3, 4, 5]));
    const step = compile(() => {
      const before = v.sum();
      v.assign(v.flip(0).add(v));
      return { before, after: v.sum(), reversed: v.flip(0) };
    });
    const { before, after, reversed } = await step();
    expect([await before.item(), await after.item()]).toEqual([15, 30]);
    expect(await reversed.toArray()).toEqual([6, 6, 6, 6, 6]);
    expect(await v.toArray()).toEqual([6, 6, 6, 6, 6]);
  });

  it("does not overwrite what was lent before a step", async () => {
    const v = new Variable(tensor([1, 2, 3]));
    const step = compile(() => v.assign(v.add(10)));
    await step();
    const old = v.mul(1);
    const sum = v.sum();
    await step();
    expect(await old.toArray()).toEqual([11, 12, 13]);
    expect(await sum.item()).toBe(36);
    expect(await v.toArray()).toEqual([21, 22, 23]);
  });

  it("does not overwrite the tensor that it was made from", async () => {
    const initial = tensor([1, 2, 3]);
    const v = new Variable(initial);
    const step = compile(() => v.assign(v.add(1)));
    await step();
    expect(await initial.toArray()).toEqual([1, 2, 3]);
    expect(await v.toArray()).toEqual([2, 3, 4]);
  });

  it("does not share its value with a variable made from the same tensor", async () => {
    const initial = zeros([3]).add(1);
    const [a, b] = [new Variable(initial), new Variable(initial)];
    const step = compile(() => a.assign(a.add(1)));
    await step();
    await step();
    expect([await a.toArray(), await b.toArray()]).toEqual([
      [3, 3, 3],
      [1, 1, 1],
    ]);
  });

  it("does not overwrite a result of an earlier step", async () => {
    const v = new Variable(tensor([1, 2]));
    const step = compile(() => {
      v.assign(v.mul(2));
      return v;
    });
    const first = await step();
    const second = await step();
    expect([await first.toArray(), await second.toArray(), await v.toArray()]).toEqual([
      [2, 4],
      [4, 8],
      [4, 8],
    ]);
  });

  it("does not overwrite a variable loaded from an argument", async () => {
    const v = new Variable(tensor([0, 0]));
    const x = tensor([5, 6]);
    v.assign(x);
    const step = compile(() => v.assign(v.add(1)));
    await step();
    expect([await x.toArray(), await v.toArray()]).toEqual([
      [5, 6],
      [6, 7],
    ]);
  });

  it("gives each parameter its own gradient, also where both started from one tensor", async () => {
    const initial = tensor([1, 2, 3]);
    const [a, b] = [new Parameter(initial), new Parameter(initial)];
    a.mul(2).add(b.mul(5)).sum().backward();
    expect([await a.grad?.toArray(), await b.grad?.toArray()]).toEqual([
      [2, 2, 2],
      [5, 5, 5],
    ]);
  });

  it("treats the tensor that a parameter was made from as a constant", async () => {
    const initial = tensor([1, 2, 3]);
    const p = new Parameter(initial);
    initial.mul(p).sum().backward();
    expect(await p.grad?.toArray()).toEqual([1, 2, 3]);
  });

  it("leaves no gradient on a parameter that was computed from another", async () => {
    const a = new Parameter(tensor([1, 2]));
    const b = new Parameter(a.mul(3));
    b.square().sum().backward();
    expect(a.grad).toBeNull();
    expect(await b.grad?.toArray()).toEqual([6, 12]);
  });

  it("accumulates gradients until they are cleared", async () => {
    const p = new Parameter(tensor([1, 2]));
    for (let i = 0; i < 3; i++) p.square().sum().backward();
    expect(await p.grad?.toArray()).toEqual([6, 12]);
    const clear = (x: Parameter) => {
      x.grad = null;
    };
    clear(p);
    p.sum().backward();
    expect(await p.grad?.toArray()).toEqual([1, 1]);
  });

  it("differentiates with respect to a value that was assigned but not computed", async () => {
    const p = new Parameter(tensor([1, 2]));
    noGrad(() => p.assign(p.mul(3)));
    p.square().sum().backward();
    expect(await p.grad?.toArray()).toEqual([6, 12]);
    expect(await p.toArray()).toEqual([3, 6]);
  });

  it("starts without gradients in every compiled call", async () => {
    const p = new Parameter(tensor([1, 2]));
    const step = compile(() => {
      p.square().sum().backward();
      const g = p.grad as Tensor;
      p.assign(p.sub(g.mul(0.25)));
      return g;
    });
    expect(await (await step()).toArray()).toEqual([2, 4]);
    expect(await (await step()).toArray()).toEqual([1, 2]);
    expect(p.grad).toBeNull();
    expect(await p.toArray()).toEqual([0.25, 0.5]);
  });
});

describe.each(devices)("compile on %s", (device) => {
  beforeAll(() => useDevice(device));

  it("traces once per shapes, dtypes and plain values", async () => {
    let traces = 0;
    const f = compile((x: Tensor, factor: number) => {
      traces++;
      return x.mul(factor).sum();
    });
    expect(await (await f(tensor([1, 2]), 2)).item()).toBe(6);
    expect(await (await f(tensor([3, 4]), 2)).item()).toBe(14);
    expect(traces).toBe(1);
    await f(tensor([1, 2, 3]), 2);
    expect(traces).toBe(2);
    expect(await (await f(tensor([1, 2]), 3)).item()).toBe(9);
    expect(traces).toBe(3);
    await f(tensor([1, 2], { dtype: "i32" }), 2);
    expect(traces).toBe(4);
  });

  it("takes arguments as they are at the call, whatever the caller or the function does to them later", async () => {
    let traces = 0;
    const f = compile(({ values, scale }: { values: Tensor[]; scale?: number }) => {
      traces++;
      const last = values.pop();
      return values.reduce((sum, x) => sum.add(x), last ?? tensor(0)).mul(scale ?? 1);
    });
    const values = [tensor([1]), tensor([2]), tensor([3])];
    const calls = [f({ values }), f({ values })];
    values.length = 1;
    calls.push(f({ values }), f({ values, scale: 2 }), f({ values, scale: 3 }));
    values.length = 0;
    const sums = await Promise.all(calls);
    expect(await Promise.all(sums.map((x) => x.item()))).toEqual([6, 6, 1, 2, 3]);
    expect(traces).toBe(4);
  });

  it("tells numbers apart that JSON does not", async () => {
    const f = compile((x: Tensor, value: number) => x.mul(0).add(value));
    const results = [];
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      results.push(await (await f(tensor([1]), value)).item());
    }
    expect(results).toEqual([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  });

  it("takes and returns nested plain data", async () => {
    const f = compile((batch: { images: Tensor[]; scale: number; name: string }) => ({
      sums: batch.images.map((x) => x.sum().mul(batch.scale)),
      name: batch.name,
      missing: null,
      count: batch.images.length,
    }));
    const result = await f({ images: [tensor([1, 2]), tensor([[3]])], scale: 10, name: "n" });
    expect(await Promise.all(result.sums.map((x) => x.item()))).toEqual([30, 30]);
    expect({ ...result, sums: [] }).toEqual({ sums: [], name: "n", missing: null, count: 2 });
  });

  it("returns a plain object that looks like a reference as it is", async () => {
    const f = compile((x: Tensor) => ({ x: x.add(1), info: { output: 0 } }));
    const { info } = await f(tensor([1]));
    expect(info).toEqual({ output: 0 });
  });

  it("returns an argument as it is", async () => {
    const f = compile((x: Tensor) => [x, x.add(1), x] as const);
    const [a, b, c] = await f(tensor([1, 2]));
    expect([await a.toArray(), await b.toArray(), await c.toArray()]).toEqual([
      [1, 2],
      [2, 3],
      [1, 2],
    ]);
  });

  it("takes the same tensor twice, and a variable that it assigns", async () => {
    const v = new Variable(tensor([1, 2]));
    const f = compile((x: Tensor, y: Tensor) => {
      v.assign(v.add(10));
      return x.mul(100).add(y);
    });
    expect(await (await f(v, v)).toArray()).toEqual([101, 202]);
    expect(await v.toArray()).toEqual([11, 12]);
  });

  it("runs inside another compiled function as part of it", async () => {
    const inner = compile((x: Tensor) => x.mul(2));
    const outer = compile((x: Tensor) => ({ y: x.add(1) }));
    const y = await inner((await outer(tensor([1]))).y);
    expect(await y.item()).toBe(4);
  });

  it("runs calls in the order in which they were made", async () => {
    const v = new Variable(tensor([1]));
    const double = compile(() => v.assign(v.mul(2)));
    const increment = compile(() => v.assign(v.add(1)));
    await Promise.all([double(), increment(), double(), increment()]);
    expect(await v.toArray()).toEqual([7]);
  });

  it("draws new random numbers at every call", async () => {
    const generator = new Generator(3, { stream: "compile" });
    const draw = compile(() => generator.uniform([4]));
    const [a, b] = [await draw(), await draw()];
    const same = new Generator(3, { stream: "compile" });
    expect([await a.toArray(), await b.toArray()]).toEqual([
      await same.uniform([4]).toArray(),
      await same.uniform([4]).toArray(),
    ]);
    expect(await a.toArray()).not.toEqual(await b.toArray());
  });

  it("does not compile again when a variable changes", async () => {
    const rate = new Variable(tensor(0.5));
    const f = compile((x: Tensor) => x.mul(rate));
    await f(tensor([2]));
    const known = programCount();
    for (const value of [0.25, 0.125]) {
      rate.load([value]);
      expect(await (await f(tensor([2]))).item()).toBe(2 * value);
    }
    expect(programCount()).toBe(known);
  });

  it("refuses an asynchronous function and anything but plain data", async () => {
    const asynchronous = compile(async (x: Tensor) => x);
    await expect(asynchronous(tensor([1]))).rejects.toThrow(ConfigError);
    await expect(asynchronous(tensor([1])).catch((error) => Promise.reject(describeError(error)))).rejects.toBe(
      "[compile] the function is asynchronous. Return tensors and read them after the call: values cannot be awaited inside",
    );
    const returnsMap = compile((x: Tensor) => new Map([["x", x]]));
    await expect(returnsMap(tensor([1]))).rejects.toThrow("[compile] a value is a Map");
    const takesDate = compile((options: { when: Date }) => options.when);
    await expect(takesDate({ when: new Date(0) })).rejects.toThrow("[compile] [0].when is a Date");
  });

  it("can be called again after a failure", async () => {
    let fail = true;
    const f = compile((x: Tensor) => (fail ? x.reshape([99]) : x.add(1)));
    await expect(f(tensor([1]))).rejects.toThrow("[reshape]");
    fail = false;
    expect(await (await f(tensor([1]))).item()).toBe(2);
  });

  it("says that values cannot be read while a function is traced", async () => {
    const f = compile((x: Tensor) => {
      void x.data();
      return x;
    });
    expect(await f(tensor([1])).catch(describeError)).toBe(
      "[data] values cannot be read while a compiled function is traced. Return the tensor from the compiled function and read it there",
    );
  });
});

describe("memory", () => {
  it.each(fastDevices)("has the same live bytes after many steps on %s", async (device) => {
    await useDevice(device);
    const w = new Parameter(tensor(new Float32Array(64 * 64).fill(0.01), { shape: [64, 64] }));
    const step = compile((x: Tensor) => {
      const loss = x.matmul(w).square().mean();
      const [g] = grad(loss, [w]);
      w.assign(w.sub(g.mul(0.1)));
      return loss;
    });
    const steps = async (count: number) => {
      for (let i = 0; i < count; i++)
        await (await step(tensor(new Float32Array(64 * 64).fill(i), { shape: [64, 64] }))).item();
    };
    await steps(20);
    // The last step's tensors may still be on the stack.
    const bound = (await settledBuffers()) + 4;
    await steps(1500);
    expect(await buffersDownTo(bound)).toBeLessThanOrEqual(bound);
  });
});
