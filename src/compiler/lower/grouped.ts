/**
 * Convolution in groups that are narrower than a vector, down to one channel each: lanes are output channels of several
 * groups. A band of an image is copied so that each lane finds its own input channels (`grouped-image.ts`), and a
 * register tile of pixels runs over taps and planes. With one channel a group it is bound by memory: pixels are read
 * once, results written once. Groups as wide as whole vectors are left to the dense template.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, load, nameOf, register, type Stmt, set, splat } from "../../ir/loops.js";
import { divisorUpTo } from "../divisors.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { choosePixelTile, pieces } from "./conv-plan.js";
import { extentOf } from "./conv-walk.js";
import { type Group, packGroups, rowBytes } from "./grouped-image.js";
import { addNest, nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";

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
  builder: KernelBuilder,
  height: number,
  rowsOf: (band: number) => number,
  bytes: number,
  unit = 1,
): number {
  const { l1Bytes, l2Bytes } = builder.target;
  const most = (budget: number): number => {
    let band = height;
    while (band > unit && rowsOf(band) * bytes > budget) band--;
    return band;
  };
  const border = rowsOf(1) - 1;
  const small = most((l1Bytes * 3) / 4);
  const limit = small === height || small >= border * PER_BORDER_ROW ? small : Math.max(small, most(l2Bytes / 4));
  const even = unit * divisorUpTo(height / unit, Math.max(1, Math.floor(limit / unit)));
  // Bands of equal height leave no rest; a little more border is cheaper than rows computed in vain.
  return unit > 1 || even * 2 > limit ? even : Math.ceil(height / Math.ceil(height / limit));
}

/** Lowers a convolution in narrow groups and the element-wise work behind it. */
export function lowerGrouped(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "conv2d")) return 0;
  const { attrs } = anchor;
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const [x, w] = anchor.inputs;
  const [n, o, ho, wo] = anchor.shape;
  const [, perGroup, kh, kw] = w.shape;
  const group = groupOf(o, perGroup, attrs.groups);
  const unit = poolOf(anchor, roots);
  const columns = extentOf(wo, kw, 1, attrs);
  const rowsOf = (rows: number) => extentOf(rows, kh, 0, attrs);
  const band = bandOf(builder, ho, rowsOf, rowBytes(group, columns, lanes), unit);
  const { tile } = choosePixelTile(builder.target, band, wo, 1, unit);
  const steps = perGroup * kh * kw;
  const dims = [n, Math.ceil(o / lanes), Math.ceil(ho / band)];
  addNest(builder, dims, 2 * band * wo * lanes * steps, ([image, block, bandAt]) => {
    const firstRow = ix.scale(bandAt, band);
    const packed = packGroups(builder, x, {
      group,
      rows: rowsOf(band),
      columns,
      image,
      block,
      firstRow: ix.plus(ix.scale(firstRow, attrs.stride[0]), -attrs.before[0]),
      firstColumn: -attrs.before[1],
    });
    const output = ix.add(ix.scale(block, lanes), builder.lane);
    /** One register tile at (row, column) of the band. */
    const results = (row: ix.Index, column: ix.Index, th: number, tw: number): Stmt[] => {
      const pixels = Array.from({ length: th * tw }, (_, i) => ({ y: Math.floor(i / tw), x: i % tw }));
      const sums = pixels.map(() => register(builder.fresh("c"), "f32", lanes));
      const taps = [perGroup, kh, kw].map((extent) => builder.variable("k", extent));
      const [channel, down, across] = taps.map(ix.variable);
      const weight = builder.lowering.value(w, [output, channel, down, across]);
      const products = pixels.map((pixel, p) => {
        const r = ix.add(ix.scale(ix.plus(row, pixel.y), attrs.stride[0]), ix.scale(down, attrs.dilation[0]));
        const q = ix.add(ix.scale(ix.plus(column, pixel.x), attrs.stride[1]), ix.scale(across, attrs.dilation[1]));
        const value = load(packed.buffer, "f32", packed.at(channel, r, q), [], lanes);
        return set(nameOf(sums[p]), e.op("add", sums[p], e.op("mul", weight, value)));
      });
      const accumulators = sums.map((sum) => [sum]);
      const from = ix.add(firstRow, row);
      return [
        ...sums.map((sum) => declare(nameOf(sum), splat(e.typed(0, "f32", sum), lanes))),
        ...nest(taps, products),
        ...storePixels({ builder, anchor, roots, unit, accumulators, pixels, image, block, row: from, column }),
      ];
    };
    const body: Stmt[] = [...packed.statements];
    for (const v of pieces(band, tile.th)) {
      for (const h of pieces(wo, tile.tw)) {
        const [y, q] = [builder.variable("y", v.count), builder.variable("x", h.count)];
        const row = ix.plus(ix.scale(ix.variable(y), v.size), v.start);
        const column = ix.plus(ix.scale(ix.variable(q), h.size), h.start);
        body.push(...nest([y, q], results(row, column, v.size, h.size)));
      }
    }
    return body;
  });
  return 2 * n * o * ho * wo * steps;
}
