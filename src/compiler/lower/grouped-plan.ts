/**
 * Divides convolutions whose groups are narrower than a vector into bands. The result depends on shapes and the target
 * alone, so that passes over the graph can use it before lowering.
 */
import type { Node } from "../../ir/graph.js";
import type { Target } from "../../ir/target.js";
import { divisorUpTo } from "../divisors.js";
import { extentOf } from "./conv-traversal.js";
import { type Group, rowBytes } from "./grouped-image.js";

/** Channels of a group of the convolution (or weight gradient) with these filters. */
export const groupOf = (outputs: number, perGroup: number, groups: number): Group => ({
  inputs: perGroup,
  outputs: outputs / groups,
});

/** Whether a vector of output channels has lanes of several groups. */
export const spansGroups = (groups: number, outputs: number, lanes: number): boolean =>
  groups > 1 && (outputs / groups) % lanes !== 0;

/** Least number of rows of a band per row of its halo. */
const PER_BORDER_ROW = 3;

/** Rows of results of a band: it fits into the first-level cache unless copying its halo would cost more. */
export function bandOf(
  { l1Bytes, l2Bytes }: Target,
  height: number,
  rowsOf: (band: number) => number,
  bytes: number,
  poolSide = 1,
): number {
  const most = (budget: number): number => {
    let band = height;
    while (band > poolSide && rowsOf(band) * bytes > budget) band--;
    return band;
  };
  const border = rowsOf(1) - 1;
  const small = most((l1Bytes * 3) / 4);
  const limit = small === height || small >= border * PER_BORDER_ROW ? small : Math.max(small, most(l2Bytes / 4));
  const even = poolSide * divisorUpTo(height / poolSide, Math.max(1, Math.floor(limit / poolSide)));
  // Bands of equal height waste no rows; a slightly larger share of halo costs less than computing unused rows.
  return poolSide > 1 || even * 2 > limit ? even : Math.ceil(height / Math.ceil(height / limit));
}

/** Rows of results that a task of a convolution in narrow groups computes of an image. */
export function groupedBand(conv: Node<"conv2d">, target: Target, poolSide: number): number {
  const { attrs, shape } = conv;
  const [, o, ho, wo] = shape;
  const [, perGroup, kh, kw] = conv.inputs[1].shape;
  const bytes = rowBytes(groupOf(o, perGroup, attrs.groups), extentOf(wo, kw, 1, attrs), target.lanes);
  return bandOf(target, ho, (rows) => extentOf(rows, kh, 0, attrs), bytes, poolSide);
}
