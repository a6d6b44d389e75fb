/** `realize`: computing several tensors at once, before anything reads them. */
import { checked, takes } from "../util/arguments.js";
import { repeated } from "../util/kinds.js";
import { refuseWhileTracing } from "./cells.js";
import { evaluate } from "./evaluate.js";
import { type Tensor, tensorKind } from "./tensor.js";

/**
 * Computes tensors now, in one program; with none given, every variable of the current context that was assigned.
 *
 * @example
 * const [x, y] = [arange(4).exp(), arange(4).square()];
 * await realize(x, y);
 */
export const realize = checked(
  "realize",
  takes({ tensors: repeated(tensorKind) }),
  (...tensors: Tensor[]): Promise<void> => {
    refuseWhileTracing("realize");
    const versions = tensors.map((x) => x.version());
    return evaluate(
      versions.map(({ node }) => node),
      versions.flatMap(({ writer }) => writer ?? []),
    );
  },
);
