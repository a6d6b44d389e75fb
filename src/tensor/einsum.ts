/** Einstein summation: sums of products over named axes, as matrix products. */
import { formatShape, type Node, sizeOfShape } from "../ir/graph.js";
import { graph, helpers } from "../ops/index.js";
import { checked, takes } from "../util/arguments.js";
import { repeated, text } from "../util/kinds.js";
import { shapeError } from "./check.js";
import { matmul } from "./contract.js";
import { Tensor, tensorKind } from "./tensor.js";

/** A node, and a letter for each of its axes. */
interface Labelled {
  readonly node: Node;
  readonly labels: string;
}

/**
 * Sum of products of tensors over the axes whose letters are missing in the result.
 *
 * Shape: by the equation. Letters before the arrow name the axes of each tensor; `...` stands for leading axes that
 * broadcast. Without an arrow, the result has the letters that occur once, in alphabetical order.
 *
 * Formula: `"ij,jk->ik"`: `y_ik = Σ_j a_ij b_jk`. Tensors are multiplied from left to right, as matrix products.
 *
 * @param equation - such as `"bij,bjk->bik"`; a letter that one tensor has twice takes the diagonal
 * @throws ShapeError if letters and axes, or the sizes of a letter, do not fit
 * @see https://pytorch.org/docs/stable/generated/torch.einsum.html
 * @example
 * const y = einsum("ij,jk->ik", ones([2, 3]), ones([3, 4])); // shape [2, 4]
 */
export const einsum = checked(
  "einsum",
  takes({ equation: text, tensors: repeated(tensorKind) }),
  (equation: string, ...tensors: readonly Tensor[]): Tensor => {
    const { operands, result } = parse(
      equation,
      tensors.map(({ node }) => node),
    );
    let [product, ...rest] = operands.map(diagonals);
    while (rest.length > 0) {
      const [next, ...later] = rest;
      const needed = new Set([...result, ...later.flatMap(({ labels }) => [...labels])]);
      product = multiply(product, next, needed);
      rest = later;
    }
    const summed = sumAway(product, new Set(result));
    // Letters of axes that broadcast may be missing where every tensor has size 1 there.
    return new Tensor(arrange(summed, result));
  },
);

/** Letters for the axes of an ellipsis, counted from the last. */
const ELLIPSIS = "αβγδεζηθικλμνξοπρστυφχψω";

function parse(equation: string, nodes: readonly Node[]): { readonly operands: Labelled[]; readonly result: string } {
  const [left, right, ...more] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  const wrong = (problem: string): Error => shapeError("einsum", `"${equation}": ${problem}`);
  if (more.length > 0) throw wrong("has two arrows");
  if (terms.length !== nodes.length) throw wrong(`names ${terms.length} tensors, got ${nodes.length}`);
  let leading = 0;
  const operands = terms.map((term, i) => {
    const { shape } = nodes[i];
    const letters = term.replace("...", "");
    if (!/^[a-zA-Z]*$/.test(letters)) throw wrong(`"${term}" has something else than letters`);
    const count = term.includes("...") ? shape.length - letters.length : 0;
    if (count < 0 || count + letters.length !== shape.length) {
      throw wrong(`"${term}" names ${letters.length} axes of ${formatShape(shape)}`);
    }
    leading = Math.max(leading, count);
    const dots = ELLIPSIS.slice(ELLIPSIS.length - count);
    return { node: nodes[i], labels: term.includes("...") ? term.replace("...", dots) : term };
  });
  const sizes = new Map<string, number>();
  operands.forEach(({ node, labels }) => {
    [...labels].forEach((label, axis) => {
      const [size, known] = [node.shape[axis], sizes.get(label) ?? 1];
      if (known !== 1 && size !== 1 && size !== known) throw wrong(`"${label}" is ${known} and ${size}`);
      sizes.set(label, Math.max(known, size === 0 ? 0 : size));
    });
  });
  const dots = ELLIPSIS.slice(ELLIPSIS.length - leading);
  const all = [...operands.map(({ labels }) => labels).join("")];
  const once = [...new Set(all)].filter((label) => !ELLIPSIS.includes(label));
  const single = once.filter((label) => all.filter((other) => other === label).length === 1);
  const result = right === undefined ? dots + single.sort().join("") : right.replace("...", dots);
  for (const label of result) if (!sizes.has(label)) throw wrong(`"${label}" is on no axis of a tensor`);
  if (new Set(result).size < result.length) throw wrong("names an axis of the result twice");
  return { operands, result };
}

/** Takes the diagonal of axes with the same letter. */
function diagonals({ node, labels }: Labelled): Labelled {
  const again = [...labels].findIndex((label, i) => labels.indexOf(label) !== i);
  if (again < 0) return { node, labels };
  const first = labels.indexOf(labels[again]);
  const { shape } = node;
  if (shape[first] !== shape[again]) {
    throw shapeError("einsum", `"${labels[again]}" is ${shape[first]} and ${shape[again]} in ${formatShape(shape)}`);
  }
  const along = (axis: number) => graph.make("iota", [], { axis }, { shape });
  const chosen = graph.op("select", graph.op("eq", along(first), along(again)), node, graph.constant(0, node));
  return diagonals({
    node: helpers.reduceSum(graph, chosen, [again]),
    labels: labels.slice(0, again) + labels.slice(again + 1),
  });
}

/** Sums over the axes that are not needed later. */
function sumAway({ node, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = [...labels].flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  return {
    node: helpers.reduceSum(graph, node, axes),
    labels: [...labels].filter((label) => needed.has(label)).join(""),
  };
}

/** The axes in the given order. */
function arrange({ node, labels }: Labelled, order: string): Node {
  return helpers.permute(
    graph,
    node,
    [...order].map((label) => labels.indexOf(label)),
  );
}

/** Axes of size 1 in one of two operands are dropped where the other one has more. */
function dropBroadcast(x: Labelled, other: Labelled): Labelled {
  const kept = [...x.labels].map((label, axis) => {
    const at = other.labels.indexOf(label);
    return !(x.node.shape[axis] === 1 && at >= 0 && other.node.shape[at] !== 1);
  });
  return {
    node: helpers.reshape(
      graph,
      x.node,
      x.node.shape.filter((_, axis) => kept[axis]),
    ),
    labels: [...x.labels].filter((_, axis) => kept[axis]).join(""),
  };
}

/** Multiplies two operands and sums over their common axes that are not needed later: one batched matrix product. */
function multiply(first: Labelled, second: Labelled, needed: ReadonlySet<string>): Labelled {
  const inBoth = new Set([...first.labels].filter((label) => second.labels.includes(label)));
  const wanted = new Set([...needed, ...inBoth]);
  const a = dropBroadcast(sumAway(first, wanted), second);
  const b = dropBroadcast(sumAway(second, wanted), first);
  const letters = [...a.labels];
  const batch = letters.filter((label) => b.labels.includes(label) && needed.has(label)).join("");
  const inner = letters.filter((label) => b.labels.includes(label) && !needed.has(label)).join("");
  const rows = letters.filter((label) => !b.labels.includes(label) && needed.has(label)).join("");
  const columns = [...b.labels].filter((label) => !a.labels.includes(label) && needed.has(label)).join("");
  // What one operand alone has, and is not needed later, was summed away, unless it broadcast in the other.
  const left = sumAway(a, new Set(batch + rows + inner));
  const right = sumAway(b, new Set(batch + columns + inner));
  const sizes = (x: Labelled, labels: string) => [...labels].map((label) => x.node.shape[x.labels.indexOf(label)]);
  const size = (x: Labelled, labels: string) => sizeOfShape(sizes(x, labels));
  const [count, depth] = [size(left, batch), size(left, inner)];
  const matrix = (x: Labelled, order: string, shape: readonly number[]) =>
    helpers.reshape(graph, arrange(x, order), shape);
  const product = matmul(
    matrix(left, batch + rows + inner, [count, size(left, rows), depth]),
    matrix(right, batch + inner + columns, [count, depth, size(right, columns)]),
  );
  const shape = [...sizes(left, batch), ...sizes(left, rows), ...sizes(right, columns)];
  return { node: helpers.reshape(graph, product, shape), labels: batch + rows + columns };
}
