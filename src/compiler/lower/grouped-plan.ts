/**
 * How convolutions in groups that are narrower than a vector are cut. All of it follows from shapes and the target, so
 * that passes over the graph know it before there are loops.
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

/** Rows that a band should have for every row of its border. */
const PER_BORDER_ROW = 3;

/** Rows of results of a band: in the first-level cache unless the border would outweigh that. */
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
  // Bands of equal height leave no rest; a little more border is cheaper than rows computed in vain.
  return poolSide > 1 || even * 2 > limit ? even : Math.ceil(height / Math.ceil(height / limit));
}

/** Rows of results that a task of a convolution in narrow groups makes of an image. */
export function groupedBand(conv: Node<"conv2d">, target: Target, poolSide: number): number {
  const { attrs, shape } = conv;
  const [, o, ho, wo] = shape;
  const [, perGroup, kh, kw] = conv.inputs[1].shape;
  const bytes = rowBytes(groupOf(o, perGroup, attrs.groups), extentOf(wo, kw, 1, attrs), target.lanes);
  return bandOf(target, ho, (rows) => extentOf(rows, kh, 0, attrs), bytes, poolSide);
}
