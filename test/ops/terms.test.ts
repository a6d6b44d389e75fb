/** The bounds of rounding errors that other tests use: Σ|terms| of small graphs, worked out by hand. */
import { expect, it } from "vitest";
import { type Tensor, tensor } from "../../src/index.js";
import { conditioned, expectRounded } from "../support/terms.js";

const x = () => tensor([3, -4, 1]);

const cases: readonly (readonly [string, () => Tensor, readonly number[]])[] = [
  ["values", x, [3, 4, 1]],
  // |3| + |−4| + |1|, and not |0|.
  ["a sum that cancels", () => x().sum(), [8]],
  // |b| Σ|a| + |a| Σ|b| + |a b|, where b = 1 − a has |−a| twice, 1, and itself.
  ["products", () => x().mul(x().neg().add(1)), [2 * 3 + 3 * (6 + 1 + 2) + 6, 5 * 4 + 4 * (8 + 1 + 5) + 20, 2 + 1]],
  ["a function that forgets its operand", () => x().mul(0).cos(), [3, 3, 3]],
  ["the largest", () => x().max(), [4]],
  [
    "a matrix product",
    () =>
      x()
        .reshape([1, 3])
        .matmul(tensor([[1], [1], [1]])),
    [3 * 8],
  ],
  ["a running sum", () => x().cumsum(0), [3, 7, 8]],
  ["integers", () => x().to("i32").sum(), [0]],
  ["a mask of infinities", () => tensor([1, Number.NEGATIVE_INFINITY]).exp(), [Math.E * 4, 0]],
];

it.each(cases)("of %s", async (_, build, expected) => {
  const [{ terms }] = await conditioned(() => [build()]);
  expect(Array.from(terms, (term) => Math.round(term * 1e5) / 1e5)).toEqual(
    expected.map((term) => Math.round(Math.fround(term) * 1e5) / 1e5),
  );
});

it("an error of more than eight units fails, and one of less does not", () => {
  const wanted = { values: [0, 1], terms: [1000, 1] };
  expectRounded([7.9 * 1000 * 2 ** -24, 1], wanted, "sum");
  expect(() => expectRounded([8.1 * 1000 * 2 ** -24, 1], wanted, "sum")).toThrow(/sum element 0/);
  expect(() => expectRounded([0, 1 + 8.1 * 2 ** -24], wanted, "sum")).toThrow(/sum element 1/);
  expect(() => expectRounded([0, Number.NaN], wanted, "sum")).toThrow(/sum element 1/);
  expect(() => expectRounded([0], wanted, "sum")).toThrow(/length/);
});
