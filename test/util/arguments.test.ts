/** Calls that TypeScript would refuse: each error names the right spelling. */
import { describe, expect, it } from "vitest";
import { concat, einsum, full, grad, realize, tensor, zeros } from "../../src/index.js";
import { checked, checkedConstructor, takes } from "../../src/util/arguments.js";
import { describeError } from "../../src/util/errors.js";
import { count, flag, number, record, repeated, size2d, text } from "../../src/util/kinds.js";

/** Arguments as plain JavaScript gives them. */
const loose = (fn: unknown) => fn as (...args: unknown[]) => unknown;
const method = (name: string) => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  return (...args: unknown[]) => (x as unknown as Record<string, (...args: unknown[]) => unknown>)[name](...args);
};

const conv = checkedConstructor(
  "Conv2d",
  takes(
    { inChannels: count(), outChannels: count(), kernelSize: size2d() },
    { stride: size2d(), padding: size2d(0), bias: flag },
  ),
);
const linear = checkedConstructor("Linear", takes({ inFeatures: count(), outFeatures: count() }, { bias: flag }));
const smooth = checked("smooth", takes({ x: number }, { labelSmoothing: number, name: text }), () => 0);
const last = checked("last", takes({ settings: record, rest: repeated(text) }), () => 0);

const x = zeros([2]);
const refused: readonly (readonly [string, string, () => unknown])[] = [
  ["ConfigError", "[sum] got 1 as its first argument. Did you mean sum({ dim: 1 })?", () => method("sum")(1)],
  [
    "ConfigError",
    "[sum] got 1 as its first argument. Did you mean sum({ dim: 1, keepdim: true })?",
    () => method("sum")(1, true),
  ],
  ["ConfigError", '[mean] unknown option "axis". Did you mean dim?', () => method("mean")({ axis: 1 })],
  ["ConfigError", '[sum] unknown option "keep_dim". Did you mean keepdim?', () => method("sum")({ keep_dim: true })],
  ["ConfigError", '[sum] unknown option "foo". Options are dim, keepdim', () => method("sum")({ foo: 1 })],
  [
    "ConfigError",
    '[sum] dim must be a whole number or an array of whole numbers, got "1"',
    () => method("sum")({ dim: "1" }),
  ],
  ["ConfigError", "[argmax] got 1 as its first argument. Did you mean argmax({ dim: 1 })?", () => method("argmax")(1)],
  ["ConfigError", "[relu] got true as its first argument. Write relu()", () => method("relu")(true)],
  [
    "ConfigError",
    "[add] other must be a tensor or a number, got undefined. Is a variable not set, or a return missing?",
    () => method("add")(undefined),
  ],
  [
    "ConfigError",
    "[add] got 0 arguments, but needs other, a tensor or a number. Write add(other)",
    () => method("add")(),
  ],
  [
    "ConfigError",
    "[add] other must be a tensor or a number, got a Promise. Is an await missing?",
    () => method("add")(Promise.resolve(1)),
  ],
  [
    "ConfigError",
    "[add] other must be a tensor or a number, got [1, 2]. Did you mean tensor([1, 2])?",
    () => method("add")([1, 2]),
  ],
  [
    "ConfigError",
    "[realize] tensors must be a tensor, got a Promise. Is an await missing?",
    () => loose(realize)(x, Promise.resolve(x)),
  ],
  [
    "ConfigError",
    "[einsum] tensors must be a tensor, got [a Tensor, a Tensor]. Write einsum(equation, ...tensors)",
    () => loose(einsum)("i,i->", [x, x]),
  ],
  [
    "ShapeError",
    "[reshape] shape must be an array of sizes, got 2 arguments. Did you mean reshape([2, 3])?",
    () => method("reshape")(2, 3),
  ],
  ["ShapeError", "[reshape] shape must be an array of sizes, got 4. Did you mean [4]?", () => method("reshape")(4)],
  [
    "ShapeError",
    "[zeros] shape must be an array of sizes, got 2 arguments. Did you mean zeros([2, 3])?",
    () => loose(zeros)(2, 3),
  ],
  [
    "DTypeError",
    '[zeros] dtype must be one of "bool", "u8", "i32", "f32", "f64", got "float32". Did you mean "f32"?',
    () => loose(zeros)([2], { dtype: "float32" }),
  ],
  [
    "ConfigError",
    "[concat] got 1 as its second argument. Did you mean concat(tensors, { dim: 1 })?",
    () => loose(concat)([x], 1),
  ],
  [
    "ConfigError",
    "[concat] tensors must be an array of tensors, got 2 arguments. Did you mean concat(tensors)?",
    () => loose(concat)(x, x),
  ],
  [
    "ConfigError",
    "[full] value is no option but the second argument. Write full(shape, value, { dtype })",
    () => loose(full)([2], { value: 1 }),
  ],
  [
    "ConfigError",
    "[grad] inputs must be an array of tensors, got a Tensor. Put it into an array",
    () => loose(grad)(x.sum(), x),
  ],
  [
    "ConfigError",
    "[Conv2d] got 2 as its fourth argument. Did you mean new Conv2d(1, 1, 3, { stride: 2, padding: 1 })?",
    () => conv([1, 1, 3, 2, 1]),
  ],
  ["ConfigError", '[Conv2d] unknown option "pad". Did you mean padding?', () => conv([1, 1, 3, { pad: 1 }])],
  [
    "ConfigError",
    "[Linear] got false as its third argument. Did you mean new Linear(2, 3, { bias: false })?",
    () => linear([2, 3, false]),
  ],
  ["ConfigError", "[Linear] inFeatures must be a whole number ≥ 1, got 0", () => linear([0, 3])],
  [
    "ConfigError",
    '[smooth] unknown option "label_smoothing". Did you mean labelSmoothing?',
    () => loose(smooth)(1, { label_smoothing: 0.1 }),
  ],
  [
    "ConfigError",
    "[smooth] got 2 as its third argument. Write smooth(x, { labelSmoothing, name })",
    () => loose(smooth)(1, {}, 2),
  ],
  [
    "ConfigError",
    "[smooth] got 0 as its second argument. In map, write (x) => smooth(x, { labelSmoothing, name })",
    () => [1].map(loose(smooth)),
  ],
  ["ConfigError", "[last] rest must be a string, got 3", () => loose(last)({}, "a", 3)],
];

describe("a call with wrong arguments", () => {
  it.each(refused)("%s %s", async (kind, message, call) => {
    let thrown: unknown;
    try {
      await call();
    } catch (error) {
      thrown = error;
    }
    expect(describeError(thrown)).toBe(message);
    expect((thrown as Error).name).toBe(kind);
  });

  it("has a trace that begins at the caller", () => {
    const thrown = (() => {
      try {
        return method("sum")(1);
      } catch (error) {
        return error as Error;
      }
    })() as Error;
    expect(thrown.stack?.split("\n")[1]).toContain("arguments.test.ts");
  });
});

describe("an asynchronous function", () => {
  it("rejects rather than throws", async () => {
    const load = checked("load", takes({ path: text }), async (path: string) => path);
    const pending = loose(load)(3) as Promise<unknown>;
    await expect(pending).rejects.toThrow("[load] path must be a string, got 3");
    expect(await load("a")).toBe("a");
  });
});

describe("a call with right arguments", () => {
  it("passes, options left out, undefined or given", () => {
    expect([loose(smooth)(1), loose(smooth)(1, undefined), loose(smooth)(1, { name: undefined }, undefined)]).toEqual([
      0, 0, 0,
    ]);
    expect(loose(last)({})).toBe(0);
    expect(loose(last)(Object.create(null), "a", "b")).toBe(0);
    expect(conv([1, 2, [3, 1], { padding: 0 }])).toBe(undefined);
  });

  it("keeps the name of the function", () => {
    expect(zeros.name).toBe("zeros");
  });
});
