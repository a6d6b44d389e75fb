/** The accuracy of a classifier. */
import type { Tensor } from "../../tensor/index.js";
import { tensorKind } from "../../tensor/tensor.js";
import { checked, takes } from "../../util/arguments.js";
import { checkTargets } from "./targets.js";

/**
 * Share of the rows whose largest logit is the target's; of equal logits the first counts.
 *
 * Shape: `logits [N, K], targets [N] -> []`, f32 from 0 to 1; further axes as in `crossEntropy`.
 *
 * @param targets class indices, i32
 * @throws ShapeError if the shapes do not fit together; DTypeError if the targets are not i32
 * @example
 * const share = accuracy(tensor([[2, 0], [0, 1]]), tensor([0, 0], { dtype: "i32" })); // 0.5
 */
export const accuracy = checked(
  "accuracy",
  takes({ logits: tensorKind, targets: tensorKind }),
  (logits: Tensor, targets: Tensor): Tensor => {
    checkTargets("accuracy", logits, targets);
    return logits.argmax({ dim: 1 }).eq(targets).to("f32").mean();
  },
);
