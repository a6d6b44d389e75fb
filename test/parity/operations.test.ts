/**
 * Every stored case of PyTorch on every device: results and gradients. Float64 cases run on the interpreter, the device
 * that has it.
 */
import { beforeAll, describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { grad, realize, Tensor } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";
import { OPERATIONS } from "./operations.js";
import { expectReference, makeInput, type ReferenceCase, readCases } from "./reference.js";

const FILES = ["contraction", "pooling", "normalisation", "losses", "elementwise", "reductions", "picking", "grouped"];

/** Cases computed by one program: small kernels are compiled together. */
const TOGETHER = 16;

/** The results of a case by name, and its gradients. */
function resultsOf({ op, dtype, options, grads, gradient, inputs: specs }: ReferenceCase): Record<string, Tensor> {
  const inputs = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, makeInput(spec, dtype)]));
  const result = OPERATIONS[op](inputs, options);
  const results: Record<string, Tensor> = result instanceof Tensor ? { y: result } : { ...result };
  if (gradient) {
    const sources = grads.map((name) => inputs[name]);
    const derivatives = grad(results.y, sources, { gradOutput: makeInput(gradient, dtype) });
    grads.forEach((name, index) => {
      results[`grad ${name}`] = derivatives[index];
    });
  }
  return results;
}

describe.each(devices)("PyTorch's results on %s", (device) => {
  beforeAll(() => useDevice(device));

  describe.each(FILES)("%s", (file) => {
    const cases = readCases(file).filter(({ dtype }) => dtype === "f32" || device === "interp");
    const titled = cases.map((each): [string, ReferenceCase] => [`${each.name} (${each.dtype})`, each]);
    const computed = new Map<ReferenceCase, Record<string, Tensor>>();

    beforeAll(async () => {
      for (let start = 0; start < cases.length; start += TOGETHER) {
        const some = cases.slice(start, start + TOGETHER);
        for (const each of some) computed.set(each, resultsOf(each));
        await realize(...some.flatMap((each) => Object.values(computed.get(each) ?? {})));
      }
    });

    it.each(titled)("%s", async (_, reference) => {
      const results = computed.get(reference) ?? {};
      for (const name of Object.keys(reference.outputs)) await expectReference(results[name], name, reference);
    });
  });
});
