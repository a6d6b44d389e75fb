/** Where NaN and infinities come from: the first module and operation whose result is not finite. */
import { firstNonFinite, type NonFinite } from "../tensor/finite.js";
import { grad, type Tensor } from "../tensor/index.js";
import { tensorKind } from "../tensor/tensor.js";
import { checked, takes } from "../util/arguments.js";
import { configError } from "../util/errors.js";
import { callback } from "../util/kinds.js";
import { spell } from "../util/spelling.js";
import { moduleKind } from "./kinds.js";
import type { AnyModule } from "./module.js";

/** The result of {@link findNonFinite}. */
export interface NonFiniteFinding extends NonFinite {
  /** One line that says all of it. */
  readonly message: string;
}

/**
 * Finds the first operation, forward or backward, whose result has a NaN or an infinity: PyTorch's anomaly detection,
 * called when a loss or a gradient was found to be wrong. The forward pass comes first, then the gradients of all
 * parameters. It evaluates the function once outside of compiled functions; running statistics are updated by that, and
 * parameters and their gradients are not.
 *
 * @param model whose parameters have gradients
 * @param fn calls the model and returns the loss, a scalar; it need not call `backward`
 * @returns module path, operation, role, shape, and the first wrong value with its position; null if all is finite
 * @throws ConfigError if the function returns no scalar tensor
 * @see https://pytorch.org/docs/stable/autograd.html#anomaly-detection
 * @example
 * const found = await findNonFinite(model, () => model(images).sub(1e6).log().mean());
 * found?.message; // "log (forward) gives NaN at 0 of [3, 2]"
 */
export const findNonFinite = checked(
  "findNonFinite",
  takes({ model: moduleKind, fn: callback }),
  async (model: AnyModule, fn: () => Tensor): Promise<NonFiniteFinding | null> => {
    const variables = Object.entries(model.stateDict());
    for (const [path, variable] of variables) {
      const wrong = await firstNonFinite([variable.detach()]);
      if (wrong) return described({ ...wrong, path, op: "leaf", role: "forward" });
    }
    const loss: unknown = fn();
    if (!tensorKind.accepts(loss) || (loss as Tensor).size !== 1) {
      throw configError("findNonFinite", `the function returned ${spell(loss)}, not a scalar`, "Return the loss");
    }
    const parameters = model.parameters().filter(({ requiresGrad }) => requiresGrad);
    const gradients = parameters.length === 0 ? [] : grad(loss as Tensor, parameters);
    const wrong = await firstNonFinite([loss as Tensor, ...gradients]);
    return wrong && described(wrong);
  },
);

function described(found: NonFinite): NonFiniteFinding {
  const { path, op, role, shape, value, index } = found;
  const where = path === "" ? "" : ` in ${path}`;
  const what = op === "leaf" ? (path === "" ? "an input" : path) : `${op}${where}`;
  const message = `${what} (${role}) gives ${value} at ${index} of [${shape.join(", ")}]`;
  return { ...found, message };
}
