/** Which algorithm, and which size of tiles, a 3 × 3 convolution and the gradient of its filters get. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../src/compiler/index.js";
import { type ConvAttrs, createLeaf, isOp, type Node, type Shape, topological } from "../../src/ir/graph.js";
import { graph } from "../../src/ops/index.js";
import { target as direct } from "./recorder.js";

const target = { ...direct, lanes: 16, registers: 32, winograd: true };
const attrs: ConvAttrs = { stride: [1, 1], before: [1, 1], after: [1, 1], dilation: [1, 1], groups: 1 };

/** Results along a side of the tiles, or "direct". */
function algorithm(output: Node, leaves: readonly Node[]): number | "direct" {
  let prepared: readonly Node[] = [];
  const trace = (stage: string, outputs: readonly Node[]) => {
    if (stage === "plan") prepared = outputs;
  };
  compileGraph({ outputs: [output], leaves, replaces: [null], target, trace });
  for (const node of topological(prepared)) {
    if (isOp(node, "winogradConv2d") || isOp(node, "winogradWeightGrad")) return node.attrs.tile;
  }
  return "direct";
}

function convolution(x: Shape, outputs: number, own: ConvAttrs = attrs) {
  const leaves = [createLeaf(x, "f32"), createLeaf([outputs, x[1], 3, 3], "f32")];
  return algorithm(graph.make("conv2d", leaves, own), leaves);
}

function gradient(x: Shape, outputs: number) {
  const leaves = [createLeaf(x, "f32"), createLeaf([x[0], outputs, x[2], x[3]], "f32")];
  return algorithm(graph.make("convWeightGrad", leaves, { ...attrs, kernel: [3, 3], splits: 1 }), leaves);
}

describe.each<[string, (x: Shape, outputs: number) => number | "direct"]>([
  ["a convolution", convolution],
  ["the gradient of filters", gradient],
])("%s", (_, of) => {
  it("of large images is done in tiles of 4 × 4", () => {
    expect(of([64, 64, 32, 32], 64)).toBe(4);
    expect(of([64, 512, 4, 4], 512)).toBe(4);
    expect(of([8, 256, 14, 14], 256)).toBe(4);
  });

  it("of images of 2 × 2, most of a large tile, in tiles of 2 × 2", () => {
    expect(of([64, 512, 2, 2], 512)).toBe(2);
    expect(of([64, 256, 2, 2], 256)).toBe(2);
  });

  it("is direct where there is little to do, or channels are no whole vectors", () => {
    expect(of([1, 16, 4, 4], 16)).toBe("direct");
    expect(of([64, 3, 32, 32], 64)).toBe("direct");
    expect(of([64, 64, 32, 32], 10)).toBe("direct");
  });
});

it("a convolution with strides, dilation or groups is direct", () => {
  expect(convolution([64, 64, 32, 32], 64, { ...attrs, stride: [2, 2] })).toBe("direct");
  expect(convolution([64, 64, 32, 32], 64, { ...attrs, dilation: [2, 2] })).toBe("direct");
});
