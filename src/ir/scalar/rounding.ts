/** Functions with whole results. */
import { one, record, type ScalarRecord, tricky } from "./record.js";
import { helper, stack } from "./templates.js";

/** Rounds half to even, as IEEE 754 and PyTorch do. */
function roundEven(x: number): number {
  // Zeros, and numbers that round to zero, keep their sign.
  if (x < 0) return -roundEven(-x);
  const floor = Math.floor(x);
  const difference = x - floor;
  if (difference < 0.5) return floor;
  if (difference > 0.5) return floor + 1;
  return !Number.isFinite(x) ? x : floor % 2 === 0 ? floor : floor + 1;
}

export type RoundingName = "floor" | "round";

export const rounding: Readonly<Record<RoundingName, ScalarRecord>> = {
  floor: record(1, {
    meaning: Math.floor,
    gradient: (e, g) => [e.constant(0, g)],
    operands: "float",
    c: helper("floor"),
    wasm: stack("floor", "a"),
    cases: one([-2.5, -0.3, 0.4, 3.25, ...tricky]),
  }),
  round: record(1, {
    meaning: roundEven,
    gradient: (e, g) => [e.constant(0, g)],
    operands: "float",
    c: helper("rint"),
    wasm: stack("nearest", "a"),
    cases: one([-2.3, -0.3, 0.4, 3.25, ...tricky]),
  }),
};
