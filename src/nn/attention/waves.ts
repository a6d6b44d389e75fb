/** The waves of sines and cosines that encode positions, and the check of sequences. This file must not know layers. */
import { shapeError } from "../../tensor/check.js";
import type { Tensor } from "../../tensor/index.js";
import { shapeText } from "../checks.js";

/** The base of the wave lengths, from the paper. */
export const BASE = 10000;

/** The angle of a position for pair i of `features`: position / base^(2i / features). */
export const angle = (position: number, pair: number, features: number, base = BASE): number =>
  position / base ** ((2 * pair) / features);

/** Sines at even and cosines at odd places: rows of `features` values. */
export const sineTable = (length: number, features: number): number[][] =>
  Array.from({ length }, (_, position) =>
    Array.from({ length: features }, (_, c) => {
      const phase = angle(position, Math.floor(c / 2), features);
      return c % 2 === 0 ? Math.sin(phase) : Math.cos(phase);
    }),
  );

/** Throws unless x is a sequence of vectors with so many features. */
export function checkSequence(op: string, x: Tensor, features: number): void {
  if (x.rank >= 2 && x.shape[x.rank - 1] === features) return;
  throw shapeError(op, `expected x [..., T, ${features}], got x ${shapeText(x.shape)}`, "Features come last");
}
