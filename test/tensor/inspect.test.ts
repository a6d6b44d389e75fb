/** What `console.log` and `String` show of tensors: values that are known, and never a computation. */
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { compile, ones, Parameter, programCount, type Tensor, tensor, useDevice, Variable } from "../../src/index.js";

const pending = "not computed yet: await x.data(), or x.toText()";

afterAll(() => useDevice("native"));

describe.each(["interp", "native", "wasm"])("on %s", (device) => {
  it("values are shown once they are known, and nothing is computed to show them", async () => {
    await useDevice(device);
    const x = tensor([[1, 2.5]]);
    expect(inspect(x)).toBe("Tensor f32[1, 2]\n[[1.0000, 2.5000]]");
    expect(`${x}`).toBe(inspect(x));
    const y = x.mul(2);
    const before = programCount();
    expect(inspect(y)).toBe(`Tensor f32[1, 2], ${pending}`);
    expect(programCount()).toBe(before);
    await y.data();
    expect(inspect(y)).toBe("Tensor f32[1, 2]\n[[2.0, 5.0]]");
    expect(inspect({ y })).toContain("[[2.0, 5.0]]");
  });

  it("a variable shows its newest value only", async () => {
    await useDevice(device);
    const v = new Variable(ones([2]));
    await v.data();
    v.assign(v.add(1));
    expect(String(v)).toBe(`Tensor f32[2], ${pending}`);
    await v.data();
    expect(String(v)).toBe("Tensor f32[2]\n[2.0, 2.0]");
    v.load([7, 8]);
    expect(String(v)).toBe("Tensor f32[2]\n[7.0, 8.0]");
  });

  it("a parameter is shown after a compiled step that assigned it", async () => {
    await useDevice(device);
    const w = new Parameter(ones([2]));
    const step = compile((by: Tensor) => w.assign(w.add(by)));
    await step(tensor(1));
    expect(String(w)).toBe("Tensor f32[2]\n[2.0, 2.0]");
    await step(tensor(1));
    expect(String(w)).toBe("Tensor f32[2]\n[3.0, 3.0]");
  });
});

it("a tensor that has been disposed shows no values", () => {
  const x = tensor([1]);
  x[Symbol.dispose]();
  expect(String(x)).toContain("Tensor f32[1]");
  expect(String(x)).not.toContain("1.0");
});
