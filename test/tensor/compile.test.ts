/** What compiled functions refuse: endless programs, and reading values before there are any. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  Context,
  compile,
  describeError,
  full,
  HostValue,
  ones,
  programCount,
  realize,
  type Tensor,
  tensor,
  useDevice,
  zeros,
} from "../../src/index.js";
import { ConfigError, FoveaError } from "../../src/util/errors.js";

beforeAll(() => useDevice("interp"));

/** What the first call that fails says. */
async function failure<A extends unknown[]>(fn: (...args: A) => Promise<unknown>, calls: readonly A[]) {
  for (const [i, args] of calls.entries()) {
    const error = await fn(...args).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error) return { call: i, text: describeError(error), isConfig: error instanceof ConfigError };
  }
  return null;
}

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("a function that would need ever new programs", () => {
  it("is refused behind 16, and the argument whose shape changes is named", async () => {
    const step = compile((x: Tensor, y: Tensor) => x.sum().add(y.sum()));
    const calls = numbers(40).map((n): [Tensor, Tensor] => [ones([2 + (n % 2), 4]), ones([n + 1])]);
    expect(await failure(step, calls)).toEqual({
      call: 16,
      text:
        "[compile] it would need more than 16 programs: argument 2 has had 17 different values, the last f32[16], " +
        "now f32[17]. Pad it to one of a few shapes, or raise maxPrograms",
      isConfig: true,
    });
    // What there is goes on working.
    expect(await (await step(ones([2, 4]), ones([1]))).item()).toBe(9);
  });

  it("is refused where a plain value changes, with its place", async () => {
    const step = compile(({ x, rates }: { x: Tensor; rates: readonly number[] }) => x.mul(rates[1]), {
      maxPrograms: 3,
    });
    const calls = numbers(9).map((n): [{ x: Tensor; rates: number[] }] => [{ x: zeros([2]), rates: [5, n / 4] }]);
    expect(await failure(step, calls)).toEqual({
      call: 3,
      text:
        "[compile] it would need more than 3 programs: argument 1.rates[1] has had 4 different values, the last 0.5, " +
        "now 0.75. Pass it as a tensor, or raise maxPrograms",
      isConfig: true,
    });
  });

  it("is refused where modes change", async () => {
    const mode = new HostValue(0);
    const step = compile((x: Tensor) => x.mul(mode.value), { maxPrograms: 2 });
    const call = (x: Tensor) => {
      mode.value++;
      return step(x);
    };
    const found = await failure(
      call,
      numbers(5).map((): [Tensor] => [ones([])]),
    );
    expect(found?.call).toBe(2);
    expect(found?.text).toContain("modes of modules or the structure of the arguments keep changing");
  });

  it("is not refused where programs repeat, nor if it may have more", async () => {
    const few = compile((x: Tensor, train: boolean) => (train ? x.sum() : x.max()));
    const calls = numbers(60).map((n): [Tensor, boolean] => [ones([(n % 7) + 1]), n % 2 === 0]);
    expect(await failure(few, calls)).toBeNull();
    const many = compile((x: Tensor) => x.sum(), { maxPrograms: 40 });
    expect(
      await failure(
        many,
        numbers(40).map((n): [Tensor] => [ones([n + 1])]),
      ),
    ).toBeNull();
  });
});

describe("its arguments", () => {
  it("are checked, as those of a context are", () => {
    const calls: readonly (() => unknown)[] = [
      () => compile(7 as unknown as () => void),
      () => compile(() => 1, { maxPrograms: 0 }),
      () => compile(() => 1, { maxprograms: 3 } as object),
      () => new Context({ devices: "interp" } as object),
      () => new Context("interp" as unknown as object),
    ];
    for (const call of calls) expect(call).toThrow(ConfigError);
  });
});

describe("while a compiled function is traced", () => {
  it.each<[string, (x: Tensor) => unknown]>([
    ["data", (x) => x.data()],
    ["item", (x) => x.sum().item()],
    ["toArray", (x) => x.toArray()],
    ["toText", (x) => x.toText()],
    ["realize", (x) => realize(x)],
  ])("%s is a typed error", async (name, read) => {
    const step = compile((x: Tensor) => {
      void read(x);
      return x;
    });
    const error = await step(ones([2])).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FoveaError);
    expect((error as Error).message).toBe(`[${name}] values cannot be read while a compiled function is traced`);
    const later = compile(async (x: Tensor) => (await x.data()).length);
    await expect(later(ones([2]))).rejects.toThrow("[compile] the function is asynchronous");
  });
});

describe("programs of evaluation", () => {
  it("are kept by what was used last: a program in use is never compiled again", async () => {
    const often = () => tensor([1, 2, 3]).mul(2).sum().item();
    await often();
    const before = programCount();
    for (let i = 0; i < 600; i++) {
      await full([i + 1], 1)
        .add(1)
        .data();
      if (i % 100 === 0) await often();
    }
    const count = programCount();
    expect(count).toBeLessThanOrEqual(512);
    expect(count).toBeGreaterThan(before);
    await often();
    expect(programCount()).toBe(count);
  });
});
