/** `realize`: computes several tensors in one program before they are read. */
import { checked, takes } from "../util/arguments.js";
import { repeated } from "../util/kinds.js";
import { refuseWhileTracing } from "./cells.js";
import { evaluate } from "./evaluate.js";
import { type Tensor, tensorKind } from "./tensor.js";

/**
 * Computes tensors in one program.
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
