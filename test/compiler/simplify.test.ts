/** The rules of simplification, each as a graph before and after; and those that IEEE arithmetic forbids. */
import { describe, expect, it } from "vitest";
import { simplify } from "../../src/compiler/simplify.js";
import { structureKey } from "../../src/compiler/structure-key.js";
import { type Node, topological } from "../../src/ir/graph.js";
import { graph, helpers } from "../../src/ops/index.js";
import { leaf, opsOf, textOf } from "./graphs.js";

const x = leaf();
const y = leaf();
const z = leaf([4, 8], "bool");
const c = (value: number, like: Node = x) => graph.constant(value, like);
const reshape = (node: Node, shape: readonly number[]) => helpers.reshape(graph, node, shape);
const permute = (node: Node, order: readonly number[]) => graph.make("permute", [node], { order });
const sum = (node: Node, axes: readonly number[]) => graph.make("reduce", [node], { kind: "sum", axes });
const slice = (node: Node, start: number[], step: number[], shape: number[]) =>
  graph.make("slice", [node], { start, step }, { shape });

/** As the method `clamp` builds it. */
function clamp(value: Node, low: Node, high: Node): Node {
  const inside = graph.op("and", graph.op("le", low, value), graph.op("le", value, high));
  const beyond = graph.make("detach", [value], {});
  return graph.op("select", inside, value, graph.op("min", graph.op("max", beyond, low), high));
}

const after = (node: Node): string => textOf(simplify([node])[0], [x, y, z]);

describe("each rule, before and after", () => {
  it.each<[string, () => Node, string]>([
    ["x + -0", () => graph.op("add", x, c(-0)), "x"],
    ["x + 0, which makes +0 of -0", () => graph.op("add", x, c(0)), "add(x, 0)"],
    ["-0 + x", () => graph.op("add", c(-0), x), "x"],
    ["x - 0", () => graph.op("sub", x, c(0)), "x"],
    ["x * 1", () => graph.op("mul", x, c(1)), "x"],
    ["1 * x", () => graph.op("mul", c(1), x), "x"],
    ["x / 1", () => graph.op("div", x, c(1)), "x"],
    ["-(-x)", () => graph.op("neg", graph.op("neg", x)), "x"],
    ["2 * 3 + 1", () => graph.op("add", graph.op("mul", c(2), c(3)), c(1)), "7"],
    ["exp 0", () => graph.op("exp", c(0)), "1"],
    [
      "i32 arithmetic wraps",
      () => graph.op("add", c(2 ** 31 - 1, leaf([2], "i32")), c(1, leaf([2], "i32"))),
      `${-(2 ** 31)}`,
    ],
    ["select of true", () => graph.op("select", c(1, z), x, y), "x"],
    ["select of false", () => graph.op("select", c(0, z), x, y), "y"],
    ["a clamp", () => clamp(x, c(0), c(6)), "min(max(x, 0), 6)"],
    ["a clamp from below", () => graph.op("select", graph.op("le", y, x), x, graph.op("max", x, y)), "max(x, y)"],
    [
      "a choice that is no clamp",
      () => graph.op("select", graph.op("le", y, x), x, graph.op("min", x, y)),
      "select(le(y, x), x, min(x, y))",
    ],
    [
      "a clamp of another value",
      () => graph.op("select", graph.op("le", c(0), x), x, graph.op("max", y, c(0))),
      "select(le(0, x), x, max(y, 0))",
    ],
    ["a detached value", () => graph.make("detach", [x], {}), "x"],
    ["a reshape to the same shape", () => graph.make("reshape", [x], {}, { shape: [4, 8] }), "x"],
    ["a reshape and back", () => reshape(reshape(x, [32]), [4, 8]), "x"],
    ["reshapes in a row", () => reshape(reshape(x, [32]), [2, 16]), "reshape(x)"],
    ["a reshaped constant", () => graph.make("reshape", [c(5)], {}, { shape: [32] }), "5"],
    ["an expanded constant", () => graph.make("expand", [c(5, leaf([1]))], {}, { shape: [3] }), "5"],
    ["a permutation that does nothing", () => permute(x, [0, 1]), "x"],
    ["a permutation and back", () => permute(permute(x, [1, 0]), [1, 0]), "x"],
    ["a slice of everything", () => slice(x, [0, 0], [1, 1], [4, 8]), "x"],
    ["a padding by nothing", () => graph.make("pad", [x], { before: [0, 0], value: 0 }, { shape: [4, 8] }), "x"],
    ["a sum over no axis", () => sum(x, []), "x"],
    ["a sum of a constant", () => sum(c(2), [0, 1]), "64"],
    ["a maximum of a constant", () => graph.make("reduce", [c(2)], { kind: "max", axes: [1] }), "2"],
    ["a sum over an axis of length 1", () => sum(reshape(x, [4, 1, 8]), [1]), "x"],
    ["a shared subexpression", () => graph.op("add", graph.op("exp", x), graph.op("exp", x)), "add(exp(x), exp(x))"],
  ])("%s", (_, before, expected) => {
    expect(after(before())).toBe(expected);
  });

  it("the transpose of a product is the product of the transposes", () => {
    const [a, b] = [leaf([1, 2, 3]), leaf([1, 3, 4])];
    const [simple] = simplify([permute(graph.make("matmul", [a, b], {}), [0, 2, 1])]);
    expect(textOf(simple, [a, b])).toBe("matmul(permute(y), permute(x))");
    expect(simple.shape).toEqual([1, 4, 2]);
  });

  it("equal subexpressions become one node", () => {
    const twice = graph.op("mul", graph.op("exp", graph.op("neg", x)), graph.op("exp", graph.op("neg", x)));
    expect(opsOf([twice])).toHaveLength(5);
    expect(opsOf(simplify([twice]))).toEqual(["neg", "exp", "mul"]);
  });

  it("what no output needs is gone", () => {
    const kept = graph.op("add", x, graph.op("mul", graph.op("exp", y), c(1)));
    const [simple] = simplify([graph.op("select", c(1, z), kept, graph.op("log", y))]);
    expect(topological([simple]).map(({ op }) => op)).not.toContain("log");
  });
});

describe("what IEEE arithmetic forbids is left alone", () => {
  it.each<[string, () => Node, string]>([
    ["x * 0 may be NaN", () => graph.op("mul", x, c(0)), "mul(x, 0)"],
    ["x - x may be NaN", () => graph.op("sub", x, x), "sub(x, x)"],
    ["x / x may be NaN", () => graph.op("div", x, x), "div(x, x)"],
    ["0 - x is not -x for zero", () => graph.op("sub", c(0), x), "sub(0, x)"],
    [
      "a product of many constants rounds",
      () => graph.make("reduce", [c(0.9)], { kind: "prod", axes: [1] }),
      "reduce(0.9)",
    ],
    ["a slice that moves", () => slice(x, [1, 0], [1, 1], [3, 8]), "slice(x)"],
    ["a slice that turns round", () => slice(x, [3, 0], [-1, 1], [4, 8]), "slice(x)"],
  ])("%s", (_, before, expected) => {
    expect(after(before())).toBe(expected);
  });
});

describe("the structure key", () => {
  const build = (value: number, shape: readonly number[] = [4]) => {
    const input = leaf(shape);
    return [graph.op("mul", graph.op("exp", input), graph.constant(value, input))];
  };

  it("is the same for a graph built again, with its leaves in the same order", () => {
    const [first, second] = [structureKey(build(2)), structureKey(build(2))];
    expect(second.key).toBe(first.key);
    expect(second.leaves).toHaveLength(1);
    expect(second.leaves[0]).not.toBe(first.leaves[0]);
  });

  it.each([
    ["a constant", build(3)],
    ["a shape", build(2, [5])],
    ["the order of outputs", [...build(2), ...build(2)]],
  ])("differs with %s", (_, other) => {
    expect(structureKey(other).key).not.toBe(structureKey(build(2)).key);
  });
});
