/** Splitting: sizes, proportions, seeds, and what may not be split. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArrayDataset, stratifiedSplit } from "../../src/data/index.js";
import { describeError } from "../../src/util/errors.js";

/** Images of one pixel that holds their index. */
const numbered = (labels: readonly number[]) =>
  new ArrayDataset({
    images: Int32Array.from(labels, (_, i) => i),
    labels,
    sampleShape: [1, 1, 1],
    role: "all",
  });
const indicesOf = (data: ArrayDataset) => Array.from(data.images);

describe("stratifiedSplit", () => {
  it("divides every class in proportion, exactly", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 2, maxLength: 200 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.nat(5),
        (labels, ratio, seed) => {
          const trainSize = Math.round(ratio * labels.length);
          fc.pre(trainSize > 0 && trainSize < labels.length);
          const { train, heldOut } = stratifiedSplit(numbered(labels), { ratio, seed });
          expect(train.length).toBe(trainSize);
          expect([...indicesOf(train), ...indicesOf(heldOut)].sort((a, b) => a - b)).toEqual([...labels.keys()]);
          for (const part of [train, heldOut]) {
            expect(Array.from(part.labels)).toEqual(indicesOf(part).map((i) => labels[i]));
          }
          for (const label of new Set(labels)) {
            const all = labels.filter((l) => l === label).length;
            const inTrain = train.labels.filter((l) => l === label).length;
            expect(Math.abs(inTrain - (all * trainSize) / labels.length)).toBeLessThan(1);
          }
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it("depends on the seed only", () => {
    const data = numbered(Array.from({ length: 100 }, (_, i) => i % 3));
    const of = (seed: number) => indicesOf(stratifiedSplit(data, { seed }).heldOut);
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
  });

  it("is the same on every machine, today and later", () => {
    const data = numbered(Array.from({ length: 10 }, (_, i) => i % 2));
    expect(indicesOf(stratifiedSplit(data, { ratio: 0.6, seed: 7 }).heldOut)).toMatchInlineSnapshot(`
      [
        4,
        0,
        3,
        7,
      ]
    `);
  });

  it("gives the parts their roles", () => {
    const data = numbered([0, 0, 1, 1]);
    const { train, heldOut } = stratifiedSplit(data, { ratio: 0.5, heldOut: "validation" });
    expect([train.role, heldOut.role]).toEqual(["train", "validation"]);
    expect(stratifiedSplit(data, { ratio: 0.5 }).heldOut.role).toBe("test");
    expect(() => stratifiedSplit(train, { ratio: 0.5 })).not.toThrow();
    expect(() => stratifiedSplit(heldOut)).toThrow("[split] a validation set must not be used for training");
  });

  it.each([0, 1, -1, 2, Number.NaN])("refuses the ratio %d", (ratio) => {
    try {
      stratifiedSplit(numbered([0, 1]), { ratio });
      expect.unreachable();
    } catch (error) {
      expect(describeError(error)).toBe(
        `[split] a ratio of ${ratio} leaves a part of 2 samples empty. Choose a ratio between 0 and 1, such as 0.8`,
      );
    }
  });
});
