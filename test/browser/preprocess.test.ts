/** The preparation of drawn digits, against what MNIST's authors describe. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Drawing, toDigit } from "../../examples/browser/preprocess.js";

/** A drawing with one filled rectangle. */
function rectangle(left: number, top: number, width: number, height: number, side = 280): Drawing {
  const ink = new Uint8Array(side * side);
  for (let y = top; y < top + height; y++) ink.fill(255, y * side + left, y * side + left + width);
  return { width: side, height: side, ink };
}

/** Columns and rows that hold ink. */
function extent(digit: Uint8Array): { left: number; right: number; top: number; bottom: number } {
  const places = [...digit.keys()].filter((i) => digit[i] > 0);
  const [xs, ys] = [places.map((i) => i % 28), places.map((i) => Math.floor(i / 28))];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

describe("toDigit", () => {
  it("gives nothing for an empty drawing", () => {
    expect(toDigit({ width: 280, height: 280, ink: new Uint8Array(280 * 280) })).toBeUndefined();
  });

  it("scales the longer side to 20 and centres", () => {
    const digit = toDigit(rectangle(10, 20, 100, 200));
    expect(extent(digit!)).toEqual({ left: 9, right: 18, top: 4, bottom: 23 });
    expect(digit![14 * 28 + 14]).toBe(255);
  });

  it("does not care where something is drawn, nor how large", () => {
    const reference = toDigit(rectangle(0, 0, 40, 80));
    const place = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(place, place, fc.constantFrom(1, 2), (left, top, factor) => {
        expect(toDigit(rectangle(left, top, 40 * factor, 80 * factor))).toEqual(reference);
      }),
      { numRuns: 20 },
    );
  });

  it("puts the centre of mass, not of the box, in the middle", () => {
    // Of 160 × 200, the left quarter is full and the rest a thin line: the mass lies left of the middle of the box.
    const drawing = rectangle(60, 40, 40, 200);
    drawing.ink.set(rectangle(60, 138, 160, 4).ink.map((value, i) => value || drawing.ink[i]));
    const digit = toDigit(drawing)!;
    let [mass, sum] = [0, 0];
    for (const [i, ink] of digit.entries()) {
      mass += ink;
      sum += ink * ((i % 28) + 0.5);
    }
    const { left, right } = extent(digit);
    expect(Math.abs(sum / mass - 14)).toBeLessThanOrEqual(0.5);
    expect((left + right + 1) / 2).toBeGreaterThan(15);
  });

  it("keeps all of it in the field when the mass lies at an edge", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 144, maxLength: 144 }), (bytes) => {
        const digit = toDigit({ width: 12, height: 12, ink: bytes });
        fc.pre(digit !== undefined);
        expect(digit).toHaveLength(784);
      }),
    );
  });
});
