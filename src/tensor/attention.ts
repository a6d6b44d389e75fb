/** Attention on tensors of any rank as the op on three axes. Checks of arguments are with the public function. */
import { type Shape, sizeOfShape } from "../ir/graph.js";
import { attentionResults, graph, helpers } from "../ops/index.js";
import { Tensor } from "./tensor.js";

/** What {@link attend} takes beside queries, keys and values. */
export interface Attention {
  /** Leading axes that all operands are broadcast to. */
  readonly batch: Shape;
  readonly scale: number;
  /** Whether the query at position t sees the keys at positions up to t alone. */
  readonly causal: boolean;
  /** Added to the scores, broadcast to [..., T, S]; null if nothing is. */
  readonly bias: Tensor | null;
  /** What the probabilities are multiplied by, broadcast to [..., T, S]; null if nothing. */
  readonly factor: Tensor | null;
}

/** softmax(scale · q kᵀ + bias) ⊙ factor · v: q [..., T, D], k [..., S, D], v [..., S, E] -> [..., T, E] */
export function attend(q: Tensor, k: Tensor, v: Tensor, { batch, scale, causal, bias, factor }: Attention): Tensor {
  const count = sizeOfShape(batch);
  const flat = (x: Tensor, shape: Shape) =>
    helpers.reshape(graph, helpers.broadcast(graph, x.node, [...batch, ...shape]), [count, ...shape]);
  const heads = [q, k, v].map((x) => flat(x, x.shape.slice(-2)));
  const scores = [q.shape[q.rank - 2], k.shape[k.rank - 2]];
  const others = [bias, factor].flatMap((x) => (x ? [flat(x, scores)] : []));
  const attrs = { scale, causal, bias: bias !== null, factor: factor !== null };
  const node = graph.make("attention", [...heads, ...others], attrs);
  const [queries, , values] = heads;
  const { results } = attentionResults(graph, node, { q: queries, v: values });
  return new Tensor(helpers.reshape(graph, results, [...batch, scores[0], v.shape[v.rank - 1]]));
}
