/** The record of scans: running sums, extrema, and first-order linear recurrences along an axis. */
import { formatShape, type Node, type StructuralName, sameShape } from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import type { Builder, StructuralRecord } from "./record.js";

/** [H, L, T] moved by one along the scan: the element before each, or behind it; `value` where there is none. */
function shifted(e: Builder, x: Node, by: 1 | -1, value: number): Node {
  const [h, length, t] = x.shape;
  const start = [0, by === 1 ? 0 : 1, 0];
  const inner = e.make("slice", [x], { start, step: [1, 1, 1] }, { shape: [h, length - 1, t] });
  return e.make("pad", [inner], { before: [0, by === 1 ? 1 : 0, 0], value }, { shape: x.shape });
}

const scanRecord: StructuralRecord<"scan"> = {
  kind: "template",
  type: (inputs, { kind }) => {
    const [x] = inputs;
    const count = kind === "linear" ? 2 : 1;
    const fits = inputs.length === count && inputs.every((y) => sameShape(y.shape, x.shape) && y.dtype === x.dtype);
    if (!fits || x.shape.length !== 3) {
      throw new ShapeError(`[scan] operands do not fit: ${inputs.map(({ shape }) => formatShape(shape)).join(", ")}`);
    }
    return x;
  },
  gradient: (e, g, node) => {
    const { kind, reverse } = node.attrs;
    if (kind === "sum") return [e.make("scan", [g], { kind, reverse: !reverse })];
    const before = reverse ? -1 : 1;
    if (kind === "linear") {
      const [a] = node.inputs;
      const factors = shifted(e, a, before === 1 ? -1 : 1, 0);
      const adjoint = e.make("scan", [factors, g], { kind, reverse: !reverse });
      return [e.op("mul", adjoint, shifted(e, node, before, 0)), adjoint];
    }
    // The gradient goes to the last of equal elements, as in PyTorch.
    const [x] = node.inputs;
    const length = x.shape[1];
    const same = e.op("eq", x, node);
    const bothNaN = e.op("and", e.op("ne", x, x), e.op("ne", node, node));
    const positions = e.make("iota", [], { axis: 1 }, { shape: x.shape });
    const none = e.typed(reverse ? length : -1, "i32", positions);
    const candidates = e.op("select", e.op("or", same, bothNaN), positions, none);
    const winners = e.make("scan", [candidates], { kind: reverse ? "min" : "max", reverse });
    return [e.make("scatter", [e.constant(0, x), g, winners], { kind: "sum" })];
  },
  // For scans of nothing; others have a template on every target.
  decompose: (_, { inputs }) => inputs[inputs.length - 1],
};

export const scanRecords = { scan: scanRecord } satisfies { [K in StructuralName]?: StructuralRecord<K> };
