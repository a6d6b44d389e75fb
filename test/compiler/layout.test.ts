/** Layouts that the plan chooses: channel blocks between convolutions, packed weights, rows wherever else. */
import { describe, expect, it } from "vitest";
import { type Layout, physicalShape } from "../../src/compiler/layout.js";
import { plan } from "../../src/compiler/plan.js";
import { selectAlgorithms } from "../../src/compiler/select-algorithms.js";
import { simplify } from "../../src/compiler/simplify.js";
import type { ConvAttrs, Node } from "../../src/ir/graph.js";
import type { Target } from "../../src/ir/target.js";
import { graph, helpers } from "../../src/ops/index.js";
import { leaf } from "./graphs.js";
import { target } from "./recorder.js";

const same: ConvAttrs = { stride: [1, 1], before: [1, 1], after: [1, 1], dilation: [1, 1], groups: 1 };
const conv = (x: Node, channels: number): Node => graph.make("conv2d", [x, leaf([channels, x.shape[1], 3, 3])], same);

/** Layouts of stored values by op, of a graph that is prepared as the compiler does. */
function layoutsOf(outputs: readonly Node[], on: Target = target): [string, Layout][] {
  const prepared = simplify(selectAlgorithms(simplify(outputs), on));
  return [...plan(prepared, on).layouts].flatMap(([node, layout]) => (node.op === "leaf" ? [] : [[node.op, layout]]));
}

const image = leaf([2, 3, 8, 8]);

describe("layouts", () => {
  it("a value between two convolutions is blocked by channels, weights are packed, the output is plain", () => {
    const layouts = layoutsOf([conv(conv(image, 16), 24)]);
    expect(layouts).toEqual([
      ["contiguous", { kind: "blocked", axis: 0, lanes: 8, order: [0, 2, 3, 1] }],
      ["conv2d", { kind: "blocked", axis: 1, lanes: 8, order: [0, 1, 2, 3] }],
      ["contiguous", { kind: "blocked", axis: 0, lanes: 8, order: [0, 2, 3, 1] }],
      ["conv2d", { kind: "plain" }],
    ]);
  });

  it("blocks have the width of the target's vectors; a scalar target has none", () => {
    const graphOf = () => [conv(conv(image, 16), 24)];
    const lanesOf = (lanes: number) =>
      layoutsOf(graphOf(), { ...target, lanes }).map(([, layout]) => layout.kind === "blocked" && layout.lanes);
    expect(lanesOf(16)).toEqual([16, 16, 16, false]);
    expect(lanesOf(4)).toEqual([4, 4, 4, false]);
    expect(lanesOf(1)).toEqual([false, false, false, false]);
  });

  it("few channels stay plain", () => {
    const [, [op, layout]] = layoutsOf([conv(conv(image, 3), 24)]);
    expect([op, layout.kind]).toEqual(["conv2d", "plain"]);
  });

  it("element-wise work behind a convolution keeps its blocks", () => {
    const hidden = conv(image, 16);
    const layouts = layoutsOf([conv(graph.op("exp", hidden), 8), graph.op("log", hidden)]);
    expect(layouts.filter(([op]) => op !== "contiguous").map(([, { kind }]) => kind)).toEqual([
      "blocked",
      "blocked",
      "plain",
      "plain",
    ]);
  });

  it("a value that only a matmul reads is plain", () => {
    const pooled = graph.make("reduce", [helpers.reshape(graph, conv(image, 16), [2, 16, 2, 4, 2, 4])], {
      kind: "max",
      axes: [3, 5],
    });
    const rows = helpers.reshape(graph, pooled, [1, 2, 64]);
    const layouts = new Map(layoutsOf([graph.make("matmul", [rows, leaf([1, 64, 10])], {})]));
    expect(layouts.get("reduce")?.kind).toBe("plain");
    expect(layouts.get("conv2d")?.kind).toBe("blocked");
  });

  it("the shape in memory of a blocked value ends with its lanes, the last block padded", () => {
    expect(physicalShape([2, 20, 5, 5], { kind: "blocked", axis: 1, lanes: 8, order: [0, 1, 2, 3] })).toEqual([
      2, 3, 5, 5, 8,
    ]);
    expect(physicalShape([20, 6, 3, 3], { kind: "blocked", axis: 0, lanes: 8, order: [0, 2, 3, 1] })).toEqual([
      3, 3, 3, 6, 8,
    ]);
  });
});
