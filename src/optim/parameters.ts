/** The parameters of an optimizer, checked. */
import { Variable } from "../tensor/index.js";
import { configError } from "../util/errors.js";
import { spell } from "../util/spelling.js";

/** Each parameter once, without frozen ones. */
export function checkParameters(name: string, params: Iterable<Variable>): [trained: Variable[], frozen: Variable[]] {
  const found = new Set<Variable>();
  for (const parameter of params as Iterable<unknown>) {
    if (!(parameter instanceof Variable)) {
      throw configError(name, `parameter ${found.size} is no Parameter but ${spell(parameter)}`, PASS_PARAMETERS);
    }
    if (found.has(parameter)) {
      throw configError(name, `parameter ${labelOf(parameter)} is given twice`, "Leave it out of one of the groups");
    }
    found.add(parameter);
  }
  if (found.size === 0) throw configError(name, "got no parameters", PASS_PARAMETERS);
  const [trained, frozen] = [true, false].map((is) => [...found].filter(({ requiresGrad }) => requiresGrad === is));
  if (trained.length === 0) throw configError(name, "all parameters are frozen", "Unfreeze what is to be trained");
  return [trained, frozen];
}

const PASS_PARAMETERS = "Pass model.parameters()";

/** The path and shape of a parameter, for messages. */
export const labelOf = ({ path, shape }: Variable): string => `${path} [${shape.join(", ")}]`;
