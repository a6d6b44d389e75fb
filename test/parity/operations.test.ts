/**
 * Every stored case of PyTorch on every device: results and gradients. Float64 cases run on the interpreter, the device
 * that has it.
 */
import { beforeAll, describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { grad, Tensor } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";
import { OPERATIONS } from "./operations.js";
import { expectReference, makeInput, type ReferenceCase, readCases } from "./reference.js";

const FILES = ["contraction", "pooling", "normalisation", "losses", "elementwise", "reductions", "picking", "grouped"];

async function compare(reference: ReferenceCase): Promise<void> {
  const { op, dtype, options, grads, gradient, outputs } = reference;
  const inputs = Object.fromEntries(
    Object.entries(reference.inputs).map(([name, spec]) => [name, makeInput(spec, dtype)]),
  );
  const result = OPERATIONS[op](inputs, options);
  const results: Record<string, Tensor> = result instanceof Tensor ? { y: result } : { ...result };
  if (gradient) {
    const sources = grads.map((name) => inputs[name]);
    const derivatives = grad(results.y, sources, { gradOutput: makeInput(gradient, dtype) });
    grads.forEach((name, index) => {
      results[`grad ${name}`] = derivatives[index];
    });
  }
  for (const name of Object.keys(outputs)) await expectReference(results[name], name, reference);
}

describe.each(devices)("PyTorch's results on %s", (device) => {
  beforeAll(() => useDevice(device));

  describe.each(FILES)("%s", (file) => {
    const cases = readCases(file).filter(({ dtype }) => dtype === "f32" || device === "interp");
    const titled = cases.map((each): [string, ReferenceCase] => [`${each.name} (${each.dtype})`, each]);
    it.each(titled)("%s", (_, reference) => compare(reference));
  });
});
