/**
 * Records of the contractions: batched matmul, 2-d convolution and its gradients. The input gradient of a convolution
 * is a convolution with flipped weights; with strides, one of the dilated gradient, which has an op of its own so that
 * the zeros in between are not multiplied. Derivatives of any order consist of the same ops.
 */
import {
  type ConvAttrs,
  formatShape,
  isOp,
  type Node,
  type Pair,
  type Shape,
  type StructuralName,
  sizeOfShape,
} from "../ir/graph.js";
import { ShapeError } from "../util/errors.js";
import { permute, reduceSum, reshape, swap } from "./helpers.js";
import { spread, spreadSize } from "./movement.js";
import type { Builder, StructuralRecord } from "./record.js";

const matmulRecord: StructuralRecord<"matmul"> = {
  kind: "template",
  type: ([a, b]) => {
    const [batch, m, k] = a.shape;
    if (a.shape.length !== 3 || b.shape.length !== 3 || b.shape[0] !== batch || b.shape[1] !== k) {
      throw new ShapeError(`[matmul] inner sizes differ: a ${formatShape(a.shape)}, b ${formatShape(b.shape)}`);
    }
    return { shape: [batch, m, b.shape[2]], dtype: a.dtype };
  },
  gradient: (e, g, { inputs: [a, b] }) => [
    e.make("matmul", [g, swap(e, b, 1, 2)], {}),
    e.make("matmul", [swap(e, a, 1, 2), g], {}),
  ],
  multiplyAdds: ({ inputs: [a], shape }) => sizeOfShape(shape) * a.shape[2],
  decompose: (e, { inputs: [a, b] }) => {
    const [batch, m, k] = a.shape;
    const n = b.shape[2];
    const shape = [batch, m, n, k];
    const left = e.make("expand", [reshape(e, a, [batch, m, 1, k])], {}, { shape });
    const right = e.make("expand", [reshape(e, swap(e, b, 1, 2), [batch, 1, n, k])], {}, { shape });
    return reduceSum(e, e.op("mul", left, right), [3]);
  },
};

const outputSize = (length: number, kernel: number, axis: 0 | 1, c: ConvAttrs): number =>
  Math.floor((length + c.before[axis] + c.after[axis] - c.dilation[axis] * (kernel - 1) - 1) / c.stride[axis]) + 1;

/**
 * Multiply-adds of a convolution: taps × channels per result, but at most taps × channels per pixel that is not
 * padding. The second bound holds for input gradients, whose pixels are surrounded and, with a stride, separated by
 * zeros: so they count as much as the convolution itself.
 */
export function convProducts(x: Node, out: Shape, taps: number, { groups }: ConvAttrs): number {
  const [, o] = out;
  return Math.min(sizeOfShape(out) * (x.shape[1] / groups) * taps, spreadSize(x) * (o / groups) * taps);
}

const convRecord: StructuralRecord<"conv2d"> = {
  kind: "template",
  type: ([x, w], attrs) => {
    const [n, c, h, width] = x.shape;
    const [o, perGroup, kh, kw] = w.shape;
    if (c !== perGroup * attrs.groups || o % attrs.groups !== 0) {
      throw new ShapeError(
        `[conv2d] ${c} channels in ${attrs.groups} groups do not fit weights ${formatShape(w.shape)}`,
      );
    }
    const size = [outputSize(h, kh, 0, attrs), outputSize(width, kw, 1, attrs)];
    if (size[0] < 1 || size[1] < 1) {
      throw new ShapeError(`[conv2d] kernel ${kh}×${kw} does not fit into ${formatShape(x.shape)}`);
    }
    return { shape: [n, o, size[0], size[1]], dtype: x.dtype };
  },
  gradient: (e, g, node) => {
    const [x, w] = node.inputs;
    const kernel: Pair = [w.shape[2], w.shape[3]];
    return [inputGradient(e, g, w, x.shape, node.attrs), weightGradient(e, x, g, node.attrs, kernel)];
  },
  multiplyAdds: ({ inputs: [x, w], attrs, shape }) => convProducts(x, shape, w.shape[2] * w.shape[3], attrs),
  decompose: (e, node) => {
    const [x, w] = node.inputs;
    const [n, o, ho, wo] = node.shape;
    const [, perGroup, kh, kw] = w.shape;
    const { groups } = node.attrs;
    const shape = [n, groups, o / groups, ho, wo, perGroup, kh, kw];
    const taps = reshape(e, windows(e, x, [ho, wo], [kh, kw], node.attrs), [n, groups, 1, perGroup, ho, wo, kh, kw]);
    const left = e.make("expand", [permute(e, taps, [0, 1, 2, 4, 5, 3, 6, 7])], {}, { shape });
    const weights = reshape(e, w, [1, groups, o / groups, 1, 1, perGroup, kh, kw]);
    const right = e.make("expand", [weights], {}, { shape });
    return reshape(e, reduceSum(e, e.op("mul", left, right), [5, 6, 7]), node.shape);
  },
};

/** dw from all images: a single split, whose axis is dropped. */
function weightGradient(e: Builder, x: Node, g: Node, attrs: ConvAttrs, kernel: Pair): Node {
  const whole = e.make("convWeightGrad", [x, g], { ...attrs, kernel, splits: 1 });
  return reshape(e, whole, whole.shape.slice(1));
}

const weightGradRecord: StructuralRecord<"convWeightGrad"> = {
  kind: "template",
  type: ([x, g], { kernel, groups, splits }) => ({
    shape: [splits, g.shape[1], x.shape[1] / groups, kernel[0], kernel[1]],
    dtype: x.dtype,
  }),
  gradient: (e, g, node) => {
    const [x, dy] = node.inputs;
    const { kernel: _, splits, ...conv } = node.attrs;
    if (splits !== 1) throw new ShapeError("[convWeightGrad] only a sum without splits is differentiable");
    const dw = reshape(e, g, g.shape.slice(1));
    return [inputGradient(e, dy, dw, x.shape, conv), e.make("conv2d", [x, dw], conv)];
  },
  multiplyAdds: ({ inputs: [, g], attrs: { kernel }, shape }) =>
    sizeOfShape(g.shape) * shape[2] * kernel[0] * kernel[1],
  decompose: (e, node) => {
    const [x, g] = node.inputs;
    const [n, o, ho, wo] = g.shape;
    const { kernel, groups } = node.attrs;
    const perGroup = x.shape[1] / groups;
    const [kh, kw] = kernel;
    const shape = [groups, o / groups, perGroup, kh, kw, n, ho, wo];
    const taps = reshape(e, windows(e, x, [ho, wo], kernel, node.attrs), [n, groups, perGroup, ho, wo, kh, kw]);
    const left = reshape(e, permute(e, taps, [1, 2, 5, 6, 0, 3, 4]), [groups, 1, perGroup, kh, kw, n, ho, wo]);
    const dy = permute(e, reshape(e, g, [n, groups, o / groups, ho, wo]), [1, 2, 0, 3, 4]);
    const right = reshape(e, dy, [groups, o / groups, 1, 1, 1, n, ho, wo]);
    const product = e.op("mul", e.make("expand", [left], {}, { shape }), e.make("expand", [right], {}, { shape }));
    return reshape(e, reduceSum(e, product, [5, 6, 7]), node.shape);
  },
};

/** Sliding windows of the padded (or cropped) image: [N, C, Ho, Wo, Kh, Kw]. */
function windows(e: Builder, x: Node, output: Pair, kernel: Pair, attrs: ConvAttrs): Node {
  const axes = ([0, 1] as const).map((i) => ({
    axis: i + 2,
    size: kernel[i],
    stride: attrs.stride[i],
    dilation: attrs.dilation[i],
  }));
  const needed = ([0, 1] as const).map(
    (i) => (output[i] - 1) * attrs.stride[i] + attrs.dilation[i] * (kernel[i] - 1) + 1,
  );
  const crop = attrs.before.map((p) => Math.max(0, -p));
  const kept = ([0, 1] as const).map((i) =>
    Math.min(x.shape[i + 2] - crop[i], needed[i] - Math.max(0, attrs.before[i])),
  );
  const [n, c] = x.shape;
  const cropped = e.make("slice", [x], { start: [0, 0, ...crop], step: [1, 1, 1, 1] }, { shape: [n, c, ...kept] });
  const before = [0, 0, ...attrs.before.map((p) => Math.max(0, p))];
  const padded = e.make("pad", [cropped], { before, value: 0 }, { shape: [n, c, ...needed] });
  return e.make("window", [padded], { axes });
}

/** Weights with input and output channels swapped within each group: [O, C/g, Kh, Kw] to [C, O/g, Kh, Kw]. */
function swapChannels(e: Builder, w: Node, groups: number): Node {
  const [o, perGroup, kh, kw] = w.shape;
  const grouped = permute(e, reshape(e, w, [groups, o / groups, perGroup, kh, kw]), [0, 2, 1, 3, 4]);
  return reshape(e, grouped, [groups * perGroup, o / groups, kh, kw]);
}

/** dx of a convolution whose images have this shape; also the transposed convolution of g. */
export function inputGradient(e: Builder, g: Node, w: Node, shape: readonly number[], attrs: ConvAttrs): Node {
  const swapped = swapChannels(e, w, attrs.groups);
  const size: Pair = [shape[2], shape[3]];
  if (attrs.stride[0] * attrs.stride[1] === 1) return spreadConvolution(e, g, swapped, { ...attrs, size });
  return e.make("convInputGrad", [g, swapped], { ...attrs, size });
}

/** dx = dy (spread by the stride) convolved with the swapped weights, flipped in space. */
export function spreadConvolution(
  e: Builder,
  g: Node,
  swapped: Node,
  { groups, stride, before, dilation, size }: ConvAttrs & { readonly size: Pair },
): Node {
  const [, , kh, kw] = swapped.shape;
  const flip = { start: [0, 0, kh - 1, kw - 1], step: [1, 1, -1, -1] };
  const flipped = kh * kw === 1 ? swapped : e.make("slice", [swapped], flip, { shape: swapped.shape });
  const wide = spread(e, g, [1, 1, stride[0], stride[1]]);
  const reach = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const first = reach.map((r, i) => r - before[i]);
  const last = reach.map((r, i) => size[i] + r - first[i] - wide.shape[i + 2]);
  return e.make("conv2d", [wide, flipped], {
    stride: [1, 1],
    before: [first[0], first[1]],
    after: [last[0], last[1]],
    dilation,
    groups,
  });
}

const inputGradRecord: StructuralRecord<"convInputGrad"> = {
  kind: "template",
  type: ([g, w], { groups, size }) => {
    if (g.shape[1] !== w.shape[1] * groups || w.shape[0] % groups !== 0) {
      throw new ShapeError(
        `[convInputGrad] ${g.shape[1]} channels in ${groups} groups do not fit weights ${formatShape(w.shape)}`,
      );
    }
    return { shape: [g.shape[0], w.shape[0], size[0], size[1]], dtype: g.dtype };
  },
  gradient: (e, gradient, node) => {
    const [dy, swapped] = node.inputs;
    const { size: _, ...conv } = node.attrs;
    const kernel: Pair = [swapped.shape[2], swapped.shape[3]];
    const w = swapChannels(e, swapped, conv.groups);
    const dw = weightGradient(e, gradient, dy, conv, kernel);
    return [e.make("conv2d", [gradient, w], conv), swapChannels(e, dw, conv.groups)];
  },
  multiplyAdds: ({ inputs: [g, w] }) => sizeOfShape(g.shape) * (sizeOfShape(w.shape) / g.shape[1]),
  decompose: (e, { inputs: [g, w], attrs }) => {
    const conv = spreadConvolution(e, g, w, attrs);
    return isOp(conv, "conv2d") && convRecord.decompose ? convRecord.decompose(e, conv) : conv;
  },
};

export const contractionRecords = {
  matmul: matmulRecord,
  conv2d: convRecord,
  convInputGrad: inputGradRecord,
  convWeightGrad: weightGradRecord,
} satisfies { [K in StructuralName]?: StructuralRecord<K> };
