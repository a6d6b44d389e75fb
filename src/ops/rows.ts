/**
 * Records of ops over rows [N, L] whose kernels keep a row in the cache while they go through it more than once: the
 * softmax and the standardisation, and their gradients. Written out in reductions, each pass would read memory again.
 */
import { formatShape, type Node, type StructuralName, sameShape } from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import { reduceSum, reshape } from "./helpers.js";
import type { Builder, StructuralRecord, Typed } from "./record.js";

function rowsType(op: string, inputs: readonly Node[]): Typed {
  const [x] = inputs;
  if (x.shape.length !== 2 || inputs.some((y) => !sameShape(y.shape, x.shape) || y.dtype !== x.dtype)) {
    throw new ShapeError(
      `[${op}] needs rows of one shape: ${inputs.map(({ shape }) => formatShape(shape)).join(", ")}`,
    );
  }
  return x;
}

/** A value of each row, repeated along it. */
const alongRow = (e: Builder, y: Node, like: Node): Node =>
  e.make("expand", [reshape(e, y, [like.shape[0], 1])], {}, { shape: like.shape });

const rowSum = (e: Builder, x: Node): Node => alongRow(e, reduceSum(e, x, [1]), x);

function rowMean(e: Builder, x: Node): Node {
  const sum = rowSum(e, x);
  return e.op("div", sum, e.constant(x.shape[1], sum));
}

const softmaxRecord: StructuralRecord<"softmax"> = {
  kind: "template",
  type: (inputs) => rowsType("softmax", inputs),
  gradient: (e, g, node) => [e.make("softmaxGrad", [node, g], {})],
  decompose: (e, { inputs: [x] }) => {
    const peak = e.make("reduce", [x], { kind: "max", axes: [1] });
    const shifted = e.op("exp", e.op("sub", x, alongRow(e, peak, x)));
    return e.op("div", shifted, rowSum(e, shifted));
  },
};

/** y and the gradient of y -> the gradient of x. */
const softmaxGradRecord: StructuralRecord<"softmaxGrad"> = {
  kind: "template",
  type: (inputs) => rowsType("softmaxGrad", inputs),
  gradient: "decomposed",
  decompose: (e, { inputs: [y, g] }) => e.op("mul", y, e.op("sub", g, rowSum(e, e.op("mul", g, y)))),
};

/** The rows less their mean, and 1 / √(variance + eps). */
function centredRows(e: Builder, x: Node, eps: number): readonly [Node, Node] {
  const centred = e.op("sub", x, rowMean(e, x));
  const variance = rowMean(e, e.op("mul", centred, centred));
  const deviation = e.op("sqrt", e.op("add", variance, e.constant(eps, variance)));
  return [centred, e.op("div", e.constant(1, deviation), deviation)];
}

const standardiseRecord: StructuralRecord<"standardise"> = {
  kind: "template",
  type: (inputs) => rowsType("standardise", inputs),
  gradient: (e, g, node) => [e.make("standardiseGrad", [node.inputs[0], g], node.attrs)],
  decompose: (e, { inputs: [x], attrs: { eps } }) => {
    const [centred, scale] = centredRows(e, x, eps);
    return e.op("mul", centred, scale);
  },
};

/** x and the gradient of the result -> the gradient of x: (g − mean g − y · mean (g · y)) / √(variance + eps). */
const standardiseGradRecord: StructuralRecord<"standardiseGrad"> = {
  kind: "template",
  type: (inputs) => rowsType("standardiseGrad", inputs),
  gradient: "decomposed",
  decompose: (e, { inputs: [x, g], attrs: { eps } }) => {
    const [centred, scale] = centredRows(e, x, eps);
    const y = e.op("mul", centred, scale);
    const along = e.op("mul", y, rowMean(e, e.op("mul", g, y)));
    return e.op("mul", scale, e.op("sub", e.op("sub", g, rowMean(e, g)), along));
  },
};

export const rowRecords = {
  softmax: softmaxRecord,
  softmaxGrad: softmaxGradRecord,
  standardise: standardiseRecord,
  standardiseGrad: standardiseGradRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
