/**
 * Convolution in groups that are narrower than a vector, down to one channel each: lanes are output channels of several
 * groups. A band of an image is copied so that each lane finds its own input channels (`grouped-image.ts`), and a
 * register tile of pixels runs over taps and planes. With one channel a group it is bound by memory: pixels are read
 * once, results written once. Groups as wide as whole vectors are left to the dense template.
 */
import { isOp, type Node } from "../../ir/graph.js";
import * as ix from "../../ir/index-math.js";
import { declare, load, nameOf, register, type Stmt, set, splat } from "../../ir/loops.js";
import type { KernelBuilder } from "../kernel-builder.js";
import { BandSums } from "./band-sums.js";
import { choosePixelTile, tileRuns } from "./conv-plan.js";
import { extentOf } from "./conv-traversal.js";
import { packGroups } from "./grouped-image.js";
import { groupedBand, groupOf } from "./grouped-plan.js";
import { addNest, nest } from "./nest.js";
import { poolOf, storePixels } from "./pixels.js";

/** Lowers a convolution in narrow groups and its epilogue. */
export function lowerGrouped(builder: KernelBuilder, anchor: Node, roots: readonly Node[]): number {
  if (!isOp(anchor, "conv2d")) return 0;
  const { attrs } = anchor;
  const { lanes } = builder;
  const e = builder.lowering.algebra;
  const [x, w] = anchor.inputs;
  const [n, o, ho, wo] = anchor.shape;
  const [, perGroup, kh, kw] = w.shape;
  const group = groupOf(o, perGroup, attrs.groups);
  const poolSide = poolOf(anchor, roots);
  const band = groupedBand(anchor, builder.target, poolSide);
  const { tile } = choosePixelTile(builder.target, band, wo, 1, poolSide);
  const steps = perGroup * kh * kw;
  const dims = [n, Math.ceil(o / lanes), Math.ceil(ho / band)];
  const bandSums = new BandSums(builder, anchor, roots, 1);
  addNest(builder, dims, 2 * band * wo * lanes * steps, ([image, block, bandAt]) => {
    const firstRow = ix.scale(bandAt, band);
    const packed = packGroups(builder, x, {
      group,
      rows: extentOf(band, kh, 0, attrs),
      columns: extentOf(wo, kw, 1, attrs),
      image,
      block,
      firstRow: ix.plus(ix.scale(firstRow, attrs.stride[0]), -attrs.before[0]),
      firstColumn: -attrs.before[1],
    });
    const output = ix.add(ix.scale(block, lanes), builder.lane);
    /** Register tile `number`, at (row, column) of the band. */
    const results = (number: ix.Index, row: ix.Index, column: ix.Index, th: number, tw: number): Stmt[] => {
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
      const registers = builder.toRegisters(sums.map((sum) => [sum]));
      return [
        ...sums.map((sum) => declare(nameOf(sum), splat(e.typed(0, "f32", sum), lanes))),
        ...nest(taps, products),
        ...registers.statements,
        ...storePixels({
          builder,
          anchor,
          roots,
          poolSide,
          accumulators: registers.values,
          pixels,
          image,
          block,
          row: ix.add(firstRow, row),
          column,
          sums: (finished) => bandSums.add(finished, ix.zero, number),
        }),
      ];
    };
    const body: Stmt[] = [];
    for (const v of tileRuns(band, tile.th)) {
      for (const h of tileRuns(wo, tile.tw)) {
        const [y, q] = [builder.variable("y", v.count), builder.variable("x", h.count)];
        const row = ix.plus(ix.scale(ix.variable(y), v.size), v.start);
        const column = ix.plus(ix.scale(ix.variable(q), h.size), h.start);
        const number = ix.plus(ix.flatten([y, q].map(ix.variable), [v.count, h.count]), body.length);
        body.push(...nest([y, q], results(number, row, column, v.size, h.size)));
      }
    }
    return [...packed.statements, ...body, ...bandSums.finish(ix.zero, block, image, bandAt)];
  });
  return 2 * n * o * ho * wo * steps;
}
