/** Random affine changes: exact cases by hand, an independent formula for the rest, and the ranges of the options. */
import { describe, expect, it } from "vitest";
import { randomAffine } from "../../src/data/index.js";

const image = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
/** Draws that turn into −1 … 1 by 2u − 1. */
const apply = (options: Parameters<typeof randomAffine>[0], draws: readonly number[], x = image.slice()) => {
  randomAffine(options)(x, [1, 3, 3], (_, index) => (draws[index] + 1) / 2);
  return Array.from(x);
};

describe("randomAffine", () => {
  it("does nothing with nothing to do", () => expect(apply({}, [1, 1, 1, 1])).toEqual(Array.from(image)));

  it("shifts and repeats the border", () => {
    expect(apply({ shift: 1 }, [0, 0, 0, 1])).toEqual([2, 3, 3, 5, 6, 6, 8, 9, 9]);
    expect(apply({ shift: 1 }, [0, 0, -1, 0])).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6]);
    expect(apply({ shift: 0.5 }, [0, 0, 0, 1])).toEqual([1.5, 2.5, 3, 4.5, 5.5, 6, 7.5, 8.5, 9]);
    expect(apply({ shift: 9 }, [0, 0, 1, 1])).toEqual(Array(9).fill(9));
  });

  it("turns about the centre", () => {
    const turned = apply({ rotation: 90 }, [1, 0, 0, 0]);
    for (const [i, value] of [3, 6, 9, 2, 5, 8, 1, 4, 7].entries()) expect(turned[i]).toBeCloseTo(value, 5);
  });

  it("resizes about the centre", () => {
    expect(apply({ scale: 0.5 }, [0, -1, 0, 0])).toEqual([3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7]);
  });

  it("changes all channels of an image alike, and images differently", () => {
    const x = Float32Array.of(...image, ...image, ...image, ...image);
    randomAffine({ shift: 1 })(x, [2, 3, 3], (sample, index) => (index === 3 ? sample : 0.5));
    expect(x.subarray(0, 9)).toEqual(x.subarray(9, 18));
    expect(x.subarray(18, 27)).toEqual(x.subarray(27, 36));
    expect(x.subarray(0, 9)).not.toEqual(x.subarray(18, 27));
  });

  it.each([
    [{ rotation: -1 }, "[randomAffine] rotation must be a number from 0 to 180, got -1"],
    [{ scale: 1 }, "[randomAffine] scale must be a number from 0 to 0.99, got 1"],
    [{ shift: Number.NaN }, "[randomAffine] shift must be a number from 0, got NaN"],
  ])("refuses %j", (options, message) => {
    expect(() => randomAffine(options)).toThrow(message);
  });
});
