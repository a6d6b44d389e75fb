/** Padding of the last axes by constants or by elements of the tensor itself. This file must not know layers. */
import { shapeError } from "../../tensor/check.js";
import { concat, type Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { configError } from "../../util/errors.js";
import { list, number, whole, word } from "../../util/kinds.js";
import { shapeText } from "../checks.js";

/** Values around a tensor: a constant, its mirror image without the edge, its edge, or its other end. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

export interface PadFunctionOptions {
  /** What the new elements are. Default `"constant"`. */
  readonly mode?: PadMode;
  /** The constant. Default 0. */
  readonly value?: number;
}

/**
 * Pads the last axes, given from the last axis on: `[left, right, top, bottom, front, back]`.
 *
 * Shape: `[..., H, W] -> [..., H + top + bottom, W + left + right]`. With mode `constant`, negative sizes crop.
 * New elements are the constant, or with i the position in x: `reflect` `x[−i]`, `replicate` `x[0]`, `circular`
 * `x[L − i]` before the axis, likewise after it.
 *
 * @param pads sizes before and after the last axis, the last but one, …
 * @throws ShapeError if there are more pads than axes, or if a mirror image or a repetition needs more elements than
 * there are; ConfigError if a size is negative in another mode than `constant`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 * @example
 * const y = pad(tensor([[1, 2, 3]]), [2, 1], { mode: "reflect" }); // [[3, 2, 1, 2, 3, 2]]
 */
export const pad = checked(
  "pad",
  takes<PadFunctionOptions>(
    { x: tensorKind, pads: list(whole, "an array of whole numbers") },
    { mode: word(["constant", "reflect", "replicate", "circular"]), value: number },
  ),
  (x: Tensor, pads: readonly number[], options: PadFunctionOptions = {}): Tensor => padBy("pad", x, pads, options),
);

/** As {@link pad}; errors begin with the name `op`. */
export function padBy(op: string, x: Tensor, pads: readonly number[], options: PadFunctionOptions): Tensor {
  const { mode = "constant", value = 0 } = options;
  if (pads.length % 2 !== 0) {
    throw configError(op, `pads has ${pads.length} sizes`, "Give one before and one after each axis, last axis first");
  }
  if (pads.length > 2 * x.rank) {
    throw shapeError(op, `${pads.length / 2} pairs of pads for x ${shapeText(x.shape)}`, "Give one pair per axis");
  }
  if (mode === "constant") return padConstant(op, x, pads, value);
  const negative = pads.find((n) => n < 0);
  if (negative !== undefined) throw configError(op, `${mode} cannot pad by ${negative}`, "Crop with x.slice");
  let y = x;
  for (let i = 0; i < pads.length; i += 2) y = padAxis(op, y, x.rank - 1 - i / 2, [pads[i], pads[i + 1]], mode);
  return y;
}

function padConstant(op: string, x: Tensor, pads: readonly number[], value: number): Tensor {
  const sides = x.shape.map((_, axis): [number, number] => {
    const at = 2 * (x.rank - 1 - axis);
    return at < pads.length ? [pads[at], pads[at + 1]] : [0, 0];
  });
  const cropped = sides.reduce((y, [before, after], axis) => {
    if (before >= 0 && after >= 0) return y;
    const [start, end] = [Math.max(0, -before), x.shape[axis] - Math.max(0, -after)];
    if (end < start) throw shapeError(op, `pads [${pads.join(", ")}] remove more than x ${shapeText(x.shape)} has`);
    return y.slice(axis, start, end);
  }, x);
  const added = sides.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  return added.every(([before, after]) => before + after === 0) ? cropped : cropped.pad(added, { value });
}

function padAxis(
  op: string,
  x: Tensor,
  axis: number,
  [before, after]: readonly [number, number],
  mode: Exclude<PadMode, "constant">,
): Tensor {
  if (before + after === 0) return x;
  const length = x.shape[axis];
  const most = { reflect: length - 1, circular: length, replicate: length > 0 ? Number.POSITIVE_INFINITY : 0 }[mode];
  if (Math.max(before, after) > most) {
    const needs = `${mode} needs ${Math.max(before, after)} elements along axis ${axis}`;
    throw shapeError(op, `${needs}, x ${shapeText(x.shape)} has ${Math.max(0, most)}`, "Pad by less, or with zeros");
  }
  const edge = (at: number, count: number) => {
    return x.slice(axis, at, at + 1).expand(x.shape.map((n, i) => (i === axis ? count : n)));
  };
  const parts = {
    reflect: () => [
      x.slice(axis, 1, before + 1).flip(axis),
      x,
      x.slice(axis, length - 1 - after, length - 1).flip(axis),
    ],
    replicate: () => [edge(0, before), x, edge(length - 1, after)],
    circular: () => [x.slice(axis, length - before, length), x, x.slice(axis, 0, after)],
  }[mode]();
  return concat(
    parts.filter(({ shape }) => shape[axis] > 0),
    { dim: axis },
  );
}
